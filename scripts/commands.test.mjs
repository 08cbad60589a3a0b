import { execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (...path) => readFileSync(join(root, ...path), 'utf8');

const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).map((file) => join('docs', file))];
const { scripts } = JSON.parse(read('package.json'));

/** What the pages tell a reader to type, without what follows it. */
const commands = new Set(
  pages.flatMap((page) =>
    [...read(page).matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)].map(([, run, word]) => run ?? word),
  ),
);

const STEPS = join('scripts', 'tasks', 'verdict.mjs');
const NIGHTLY = join('.github', 'workflows', 'ci.yml');

/** Install, compile, and measure or open a shop: a minute each on a small machine, so they are run at full scale only. */
const RUN_HERE = { start: opensAShop, 'shop:cluster': opensAShop, bench: measures };

/** The file that runs each of the others, and what it says there. */
const RUN_IN = {
  check: [STEPS, "'npm run check'"],
  test: [STEPS, "'npm test'"],
  'test:e2e': [STEPS, "'npm run test:e2e'"],
  matrix: [STEPS, "'npm run matrix'"],
  'test:full': [NIGHTLY, '- run: npm run test:full'],
  soak: [NIGHTLY, '- run: npm run soak'],
  // These write files: a check makes them anew, and compares.
  lua: [join('scripts', 'tasks', 'check.mjs'), "'scripts/lua.mjs', '--check'"],
  'pack:files': [join('scripts', 'tasks', 'check.mjs'), "'scripts/pack-check.mjs'"],
  // This one asks what to write; what is written is read by the release.
  changeset: [join('.github', 'workflows', 'release.yml'), 'version: npx changeset version'],
};

const LUA_TEST = join('scripts', 'lua.test.mjs');
const CONFORMANCE = join('packages', 'cache-aside', 'test', 'conformance', 'run.mjs');
const OTHERS_RUN_IN = {
  'TURNPIKE_CLIENT=node-redis6 npm test -- packages/rate-limit': [
    [join('scripts', 'tasks', 'matrix.mjs'), "client: 'node-redis6'"],
    [join('scripts', 'tasks', 'matrix.mjs'), 'env.TURNPIKE_CLIENT = '],
  ],
  'node scripts/lua.mjs --print packages/rate-limit/lua/reset.lua > /tmp/reset.lua': [[LUA_TEST, "'--print'"]],
  'redis-cli --eval /tmp/reset.lua some-key': [[LUA_TEST, ".eval(lua, 1, 'some-key')"]],
  // Its suite is not ours, and not here: what it is told is read.
  'CACHE_TESTS=… PROFILE=rfc9111 node packages/cache-aside/test/conformance/run.mjs': [
    [CONFORMANCE, 'CACHE_TESTS'],
    [CONFORMANCE, 'PROFILE'],
  ],
  'docker compose up': [[join('scripts', 'compose.test.mjs'), "describe('compose.yaml'"]],
};

const byName = (one, other) => (one < other ? -1 : 1);

describe('the commands of the pages', () => {
  it('are scripts that there are', () => {
    expect(commands.size).toBeGreaterThan(6);
    expect([...commands].filter((name) => !(name in scripts))).toEqual([]);
  });

  it('are each run somewhere, at the place that is named here, and what they write is checked there', () => {
    expect(Object.keys({ ...RUN_HERE, ...RUN_IN }).toSorted(byName)).toEqual([...commands].toSorted(byName));
    expect(Object.entries(RUN_IN).filter(([, [file, text]]) => !read(file).includes(text))).toEqual([]);
  });

  it('that are none of npm are run somewhere, too', () => {
    const shown = pages.flatMap((page) =>
      [
        ...read(page).matchAll(
          /`((?:[A-Z_]+=\S+ )*(?:node (?!--)|npx |redis-cli |docker )[^`]+|(?:[A-Z_]+=\S+ )+npm [^`]+)`/g,
        ),
      ].map(([, command]) => command),
    );
    expect(shown.filter((command) => !(command in OTHERS_RUN_IN))).toEqual([]);
    expect(Object.keys(OTHERS_RUN_IN).filter((command) => !shown.includes(command))).toEqual([]);
    const lost = Object.entries(OTHERS_RUN_IN).flatMap(([command, places]) =>
      places.filter(([file, text]) => !read(file).includes(text)).map(([file]) => `${command}: ${file}`),
    );
    expect(lost).toEqual([]);
  });

  it('of packages install each by its name', () => {
    for (const name of ['rate-limit', 'single-session', 'idempotency', 'cache-aside']) {
      expect(read('packages', name, 'README.md')).toContain(`\`\`\`sh\nnpm install @turnpike/${name} ioredis\n\`\`\``);
    }
  });

  const isFull = process.env.TURNPIKE_SCALE === 'full';
  it.each(isFull ? Object.entries(RUN_HERE) : [])('npm run %s does what it is for', (name, work) => work(name));
});

async function measures(name) {
  const args = ['run', name, '--', 'rate-limit', '--only', 'denied', '--rounds', '1'];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root });
  expect(stdout).toMatch(/^\| \*\*turnpike/m);
}

async function opensAShop(name) {
  // Below the ports of outgoing connections, where any may be taken meanwhile; three shops take three.
  const port = randomInt(20_000, 32_000);
  const child = spawn('npm', ['run', name], {
    cwd: root,
    env: { ...process.env, PORT: String(port) },
  });
  const exited = once(child, 'exit');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  try {
    const isOpen = () =>
      fetch(`http://127.0.0.1:${port}/healthz`)
        .then(({ ok }) => ok)
        .catch(() => false);
    while (!said.includes(`http://localhost:${port}`) || !(await isOpen())) {
      if (child.exitCode !== null) throw new Error(said);
      await sleep(50);
    }
  } finally {
    // The task behind it sees that npm has gone, and ends what it has started.
    child.kill();
    await exited;
  }
}
