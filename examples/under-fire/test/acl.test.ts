import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Clients,
  type RedisCluster,
  type RedisServer,
  canStartCluster,
  clientFactory,
  scale,
  skipUnless,
  startCluster,
  startRedis,
} from '@turnpike/test-kit';
import type { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, everything, near } from './everything.ts';
import { MORE_OF_CLUSTER, PARTS, RULE, RULE_OF_CLUSTER, USER, WITH_L1 } from './rules.ts';
import { trial } from './trial.ts';

const root = join(import.meta.dirname, '../../..');

const without = (part: string, parts: readonly string[]): string[] => parts.filter((one) => one !== part);

/** What Redis has to refuse who may not do this: a command by its name. */
const refusalOf = (part: string): unknown =>
  part.startsWith('+') ? expect.arrayContaining([part.slice(1)]) : expect.arrayContaining([expect.anything()]);

/** What scripts call, by their text, and what the store calls besides. */
function commandsOfScripts(): string[] {
  const scripts = readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name, 'lua'))
    .flatMap((lua) => readdirSync(lua, { recursive: true }).map((file) => join(lua, String(file))))
    .filter((file) => file.endsWith('.lua'))
    .map((file) => readFileSync(file, 'utf8'));
  const called = scripts.flatMap((lua) => [...lua.matchAll(/redis\.call\('(\w+)'/g)].map(([, name]) => name!));
  return [...new Set([...called, 'TIME'])].map((name) => name.toLowerCase());
}

/** How clients say that they may not sign in. */
const NOT_SIGNED_IN = /^(WRONGPASS|NOAUTH)/;

/** Of that user's, on whatever server it is. */
const clientsOfUser = ({ host, port }: RedisServer): Clients =>
  clientFactory({ host, port, ...USER }, { bearing: NOT_SIGNED_IN });

/** On a server of its own, since rules of one prefix share what is kept: several may be tried at a time. */
async function tried(parts: readonly string[], acts = everything) {
  await using server = await startRedis();
  await using clients = clientFactory(server);
  await using own = clientsOfUser(server);
  const connect = () => own.client({ maxRetriesPerRequest: 0, retryStrategy: () => null });
  return await trial({ admins: [clients.client()], username: USER.username, parts, connect, acts });
}

describe('the user of docs/redis.md', () => {
  it('may do all that any package does', async () => {
    expect(await tried(PARTS)).toEqual({ denied: [], thrown: [] });
  });

  it('may call what scripts call, and no more than the store and the client call besides', () => {
    const called = PARTS.filter((part) => part.startsWith('+')).map((part) => part.slice(1));
    const others = ['eval', 'evalsha', 'mget', 'subscribe', 'unsubscribe'];
    expect(called.toSorted()).toEqual([...commandsOfScripts(), ...others].toSorted());
  });

  it.concurrent.each(PARTS)('cannot do without %s', async (part) => {
    const { denied } = await tried(without(part, PARTS));
    expect(denied).toEqual(refusalOf(part));
  });

  const ways = Object.entries(WITH_L1) as [keyof typeof WITH_L1, string[]][];

  // Where a server refuses to track, a tier hears what is published, as it does on a Cluster.
  it.concurrent.each(ways)('may have a tier in the process by %s, with what the page adds', async (way, more) => {
    const { denied, thrown } = await tried([...PARTS, ...more], [...everything, near(way)]);
    expect([denied, thrown]).toEqual([way === 'tracking' ? [] : ['client|id'], []]);
  });

  it.concurrent.each(ways.flatMap(([way, more]) => more.map((part) => [part, way] as const)))(
    'cannot have a tier without %s, by %s',
    async (part, way) => {
      const { denied, thrown } = await tried([...PARTS, ...without(part, WITH_L1[way])], [near(way)]);
      expect(denied).toEqual(refusalOf(part));
      expect(thrown).not.toEqual([]);
    },
  );

  it('may touch no other key and no other channel, and give nobody a right', async () => {
    await using server = await startRedis();
    await using clients = clientFactory(server);
    await clients.client().call('ACL', 'SETUSER', USER.username, ...PARTS);
    await using own = clientsOfUser(server);
    const redis = own.client();
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
    await expect(redis.eval("return redis.call('GET', 'other')", 0)).rejects.toThrow(
      /can't access|No permissions to access a key/,
    );
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
        await using own = clientFactory({ ...strict, ...USER });
        expect(await own.client().call('PING').catch(String)).toMatch(/NOPERM/);
        await writeFile(file, `# who may do what\n${RULE}\n`);
        await expect(startRedis({ config: { aclfile: file } })).rejects.toThrow(/users\.acl/);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  );
});

describe(
  'the user of docs/redis.md on a Cluster',
  skipUnless(canStartCluster(), 'there is no redis-server binary'),
  () => {
    it('may do the same, and what a client of a Cluster asks besides', () => {
      expect(RULE_OF_CLUSTER).toBe([RULE, ...MORE_OF_CLUSTER].join(' '));
      expect(MORE_OF_CLUSTER).toEqual(['+cluster|slots', '+cluster|info', '+asking']);
    });
  },
);

// A Cluster trusts itself after two seconds only. That all of the rule is enough while slots move, topologies.test.ts shows.
describe.each(scale({ quick: [], full: ['a Cluster'] }))('the user of docs/redis.md on %s', () => {
  const parts = [...PARTS, ...MORE_OF_CLUSTER];
  let cluster: RedisCluster;
  let clients: Clients;
  let admins: Redis[];
  beforeAll(async () => {
    // One that is alone does not know its own address, and clients find nobody.
    cluster = await startCluster({ masters: 2 });
    clients = clientFactory(cluster);
    const asked = clients.clusterClient();
    await asked.ping();
    admins = asked.nodes('master');
  });
  afterAll(async () => {
    await clients?.close();
    await cluster?.stop();
  });

  const triedHere = (username: string, parts: readonly string[], acts = everything) => {
    const connect = () =>
      clients.clusterClient({
        redisOptions: { username, password: USER.password },
        clusterRetryStrategy: () => null,
      });
    return trial({ admins, username, parts, connect, acts });
  };

  it('may have a tier in the process, with what the page adds', async () => {
    const acts = [...everything, near('publish')];
    expect(await triedHere('l1', [...parts, ...WITH_L1.publish], acts)).toEqual({ denied: [], thrown: [] });
  });

  it.each(WITH_L1.publish)('cannot have a tier without %s', async (part) => {
    const { denied } = await triedHere(
      `l1-without-${part}`,
      [...parts, ...without(part, WITH_L1.publish)],
      [near('publish')],
    );
    expect(denied).toEqual(refusalOf(part));
  });

  it.each(MORE_OF_CLUSTER)('cannot do without %s', async (part) => {
    // What moves is asked for by ASKING first; ioredis hears of its refusal by an unhandled rejection.
    const asking: Act = async ({ redis }) => {
      await (redis as Cluster).nodes('master')[0]?.call('ASKING').catch(String);
      return [];
    };
    const { denied } = await triedHere(`without-${part}`, without(part, parts), [...everything, asking]);
    expect(denied).toEqual(refusalOf(part));
  });
});
