import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settableClockLine } from '../internal/test-kit/src/clock.gen.ts';
import { clientFactory, startRedis } from '../internal/test-kit/src/index.ts';
import { lintFragment, lintScript } from './lua-lint.mjs';
import { filesUnder, root } from './setup/workspace.mjs';

const SCRIPT = `-- give: hands out one thing
-- KEYS[1]  thingKey — string, the thing
-- ARGV[1]  notAfterUs — integer, µs of the server's time
-- ARGV[2]  owner — string, who asks
-- returns  {'late', nowUs}
-- returns  {'given', owner}
-- cost     1 SET
-- keeps    one owner
local thingKey = KEYS[1]
local notAfterUs, owner = tonumber(ARGV[1]), ARGV[2]
if now > notAfterUs then
  return { 'late', now }
end
redis.call('SET', thingKey, owner, 'PX', 1000)
return { 'given', owner }
`;

const complaints = (source) => lintScript(source, 'give', ['now']);

describe('the generated Lua', () => {
  it('is what the .lua files say, and every file keeps the rules', () => {
    execFileSync(process.execPath, [join(root, 'scripts/lua.mjs'), '--check'], { stdio: 'pipe' });
  });

  it('never holds the settable clock of the tests', () => {
    const shipped = filesUnder(join(root, 'packages'))
      .filter((file) => /(lua\.gen\.ts|\.lua)$/.test(file))
      .map((file) => readFileSync(join(root, 'packages', file), 'utf8'));
    const settable = settableClockLine('any').split("'")[1];
    expect(shipped.length).toBeGreaterThan(2);
    expect(settable).toBe('HMGET');
    for (const lua of shipped) expect(lua).not.toMatch(/local time = (?!redis\.call\('TIME'\))/);
  });
});

describe('a script that is printed, to be run by hand', () => {
  let server, clients;
  beforeAll(async () => {
    server = await startRedis();
    clients = clientFactory(server);
  });
  afterAll(async () => {
    await clients?.close();
    await server?.stop();
  });
  const printed = (file) =>
    execFileSync(process.execPath, ['scripts/lua.mjs', '--print', file], { cwd: root, encoding: 'utf8' });

  it('is one that Redis takes, whatever of lua/lib and of the clock it needs', async () => {
    // Each of them is printed by the same lines: the smallest, and those that bring the most.
    const files = ['rate-limit/lua/reset.lua', 'rate-limit/lua/take.lua', 'idempotency/lua/claim.lua'];
    for (const file of files) {
      expect(await clients.client().script('LOAD', printed(`packages/${file}`))).toMatch(/^[0-9a-f]{40}$/);
    }
  });

  it('does what CONTRIBUTING.md says with it', async () => {
    const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
    const lua = printed(/node scripts\/lua\.mjs --print (\S+)/.exec(page)[1]);
    const client = clients.client();
    await client.set('some-key', 'charged', 'PX', 60_000);
    expect(await client.eval(lua, 1, 'some-key')).toEqual(['reset', 1]);
    expect(await client.get('some-key')).toBeNull();
  });
});

describe('a script and its header', () => {
  it('agree', () => {
    expect(complaints(SCRIPT)).toEqual([]);
  });

  it.each([
    ['another verb', ['give: ', 'take: '], /must begin "-- give: /],
    ['no cost', ['-- cost     1 SET\n', ''], /no "cost" line/],
    ['no invariant', ['-- keeps    one owner\n', ''], /no "keeps" line/],
    ['an argument the header does not name', ['-- ARGV[2]  owner — string, who asks\n', ''], /uses ARGV\[2\], which/],
    ['an argument the body does not read', ['tonumber(ARGV[1]), ARGV[2]', 'tonumber(ARGV[1]), 1'], /no local reads it/],
    ['another name in the body', ['thingKey = KEYS[1]', 'theKey = KEYS[1]'], /"thingKey" in the header and "theKey"/],
    [
      'an integer read as a string',
      ['tonumber(ARGV[1])', 'ARGV[1]'],
      /notAfterUs is integer in the header, and not a tonumber/,
    ],
    [
      'a reply the header does not promise',
      ["{ 'given', owner }", "{ 'handed', owner }"],
      /returns handed\/2, not in the header/,
    ],
    ['a reply of another length', ["{ 'given', owner }", "{ 'given', owner, 1 }"], /promises given\/2, never returned/],
    ['an unknown global', ['redis.call', 'os.execute'], /unknown global "os"/],
    ['a swallowed error', ['redis.call', 'redis.pcall'], /redis\.pcall/],
    ['a write before the late check', ['if now >', "redis.call('DEL', thingKey)\nif now >"], /before its first write/],
    ['no late check', ["return { 'late', now }", 'return'], /does not answer \{ 'late', now \}/],
  ])('disagree: %s', (_what, [from, to], complaint) => {
    expect(complaints(SCRIPT.replace(from, to)).join('\n')).toMatch(complaint);
  });

  it('a fragment defines the one function it is named after', () => {
    const fragment = '-- twice: a number, doubled\nlocal function twice(n)\n  return n * 2\nend\n';
    expect(lintFragment(fragment, 'twice', [])).toEqual([]);
    expect(lintFragment(fragment, 'thrice', []).join()).toMatch(/local function thrice/);
    expect(lintFragment(`${fragment}local other = 1\n`, 'twice', []).join()).toMatch(/must define one thing/);
  });
});
