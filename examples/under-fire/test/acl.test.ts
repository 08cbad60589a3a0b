import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Clients,
  type RedisServer,
  canStartCluster,
  clientFactory,
  scale,
  skipUnless,
  startCluster,
  startRedis,
} from '@turnpike/test-kit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everything } from './everything.ts';

const root = join(import.meta.dirname, '../../..');
const RULE = readFileSync(join(import.meta.dirname, 'docs/users.acl'), 'utf8').trim();
const [, NAME = '', ...PARTS] = RULE.split(' ');
const password = PARTS.find((part) => part.startsWith('>'))!.slice(1);

/** What scripts call, by their text, and what the store calls besides. */
function commandsOfScripts(): string[] {
  const scripts = readdirSync(join(root, 'packages'), { recursive: true })
    .map(String)
    .filter((file) => /^[^/]+\/lua\/.*\.lua$/.test(file))
    .map((file) => readFileSync(join(root, 'packages', file), 'utf8'));
  const called = scripts.flatMap((lua) => [...lua.matchAll(/redis\.call\('(\w+)'/g)].map(([, name]) => name!));
  return [...new Set([...called, 'TIME'])].map((name) => name.toLowerCase());
}

describe('the user of docs/redis.md', () => {
  let server: RedisServer;
  let clients: Clients;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis();
    clients = clientFactory(server);
    admin = clients.client();
  });
  afterAll(async () => {
    await clients?.close();
    await server?.stop();
  });

  /** A client of that user's, which bears in silence that it may not sign in. */
  function signedIn(name: string): Redis {
    const { host, port } = server;
    const redis = new Redis({
      host,
      port,
      username: name,
      password,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    return redis.on('error', () => undefined);
  }

  /** What Redis refuses a user with these parts while everything is asked, and what fails. */
  async function refused(name: string, parts: readonly string[]): Promise<{ denied: string[]; thrown: unknown[] }> {
    await admin.call('ACL', 'SETUSER', name, ...parts);
    const redis = signedIn(name);
    const thrown = await everything(redis);
    redis.disconnect();
    const log = (await admin.call('ACL', 'LOG', '128')) as string[][];
    const denied = log.map((entry) =>
      Object.fromEntries(entry.flatMap((word, n) => (n % 2 ? [] : [[word, entry[n + 1]]]))),
    );
    return { denied: denied.filter(({ username }) => username === name).map(({ object }) => String(object)), thrown };
  }

  it('may do all that any package does', async () => {
    expect(await refused(NAME, PARTS)).toEqual({ denied: [], thrown: [] });
  });

  it('may call what scripts call, and no more than the store and the client call besides', () => {
    const called = PARTS.filter((part) => part.startsWith('+')).map((part) => part.slice(1));
    const others = ['eval', 'evalsha', 'mget', 'subscribe', 'unsubscribe'];
    expect(called.toSorted()).toEqual([...commandsOfScripts(), ...others].toSorted());
  });

  it.each(PARTS)('cannot do without %s', async (part) => {
    const { denied, thrown } = await refused(
      `without-${PARTS.indexOf(part)}`,
      PARTS.filter((one) => one !== part),
    );
    expect(denied.length + thrown.length).toBeGreaterThan(0);
  });

  it('may touch no other key and no other channel, and give nobody a right', async () => {
    await admin.call('ACL', 'SETUSER', NAME, ...PARTS);
    const redis = signedIn(NAME);
    const others = [
      ['GET', 'other'],
      ['SUBSCRIBE', 'other'],
      ['PUBLISH', 'other', ''],
      ['KEYS', '*'],
      ['FLUSHALL'],
      ['CONFIG', 'GET', '*'],
      ['ACL', 'LIST'],
    ];
    for (const [command = '', ...args] of others) await expect(redis.call(command, ...args)).rejects.toThrow(/^NOPERM/);
    await expect(redis.eval("return redis.call('GET', 'other')", 0)).rejects.toThrow(/can't access/);
    redis.disconnect();
  });

  it(
    'stands in a file of its own, which takes no comments',
    skipUnless(canStartCluster(), 'there is no redis-server binary'),
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'turnpike-acl-'));
      const file = join(directory, 'users.acl');
      try {
        await writeFile(file, `${RULE}\n`);
        await using strict = await startRedis({ config: { aclfile: file } });
        await using own = clientFactory({ ...strict, username: NAME, password });
        expect(await own.client().call('PING').catch(String)).toMatch(/NOPERM/);
        await writeFile(file, `# who may do what\n${RULE}\n`);
        await expect(startRedis({ config: { aclfile: file } })).rejects.toThrow(/users\.acl/);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  );
});

const ofCluster = readFileSync(join(import.meta.dirname, 'docs/cluster.acl'), 'utf8').trim();

describe(
  'the user of docs/redis.md on a Cluster',
  skipUnless(canStartCluster(), 'there is no redis-server binary'),
  () => {
    const more = ofCluster.split(' ').filter((part) => !RULE.split(' ').includes(part));

    it('may do the same, and what a client of a Cluster asks besides', () => {
      expect(ofCluster).toBe([RULE, ...more].join(' '));
      expect(more).toEqual(['+cluster|slots', '+cluster|info', '+asking']);
    });

    // A Cluster trusts itself after two seconds only. That all of it is enough, topologies.test.ts shows with slots that move.
    for (const part of scale({ quick: [], full: more })) {
      it(`cannot do without ${part}`, async () => {
        await using cluster = await startCluster({ masters: 1 });
        await using clients = clientFactory(cluster);
        const parts = [...PARTS, ...more].filter((one) => one !== part);
        await clients.client().call('ACL', 'SETUSER', NAME, ...parts);
        const redis = clients.clusterClient({
          redisOptions: { username: NAME, password },
          clusterRetryStrategy: () => null,
        });
        const thrown = await everything(redis);
        // What moves is asked for by ASKING first; ioredis hears of its refusal by an unhandled rejection.
        const asking = await redis.nodes('master')[0]?.call('ASKING').catch(String);
        const isRefused = thrown.length > 0 || /NOPERM/.test(String(asking));
        expect(isRefused).toBe(true);
      });
    }
  },
);
