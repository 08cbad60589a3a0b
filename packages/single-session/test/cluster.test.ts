import { once } from 'node:events';
import {
  type Clients,
  type RedisCluster,
  canStartCluster,
  clientFactory,
  eventually,
  race,
  scale,
  skipUnless,
  startCluster,
} from '@turnpike/test-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SingleSessionOptions, singleSession } from '../src/index.ts';
import { fate, options } from './app.ts';

describe('a Cluster of three masters', skipUnless(canStartCluster(), 'there is no redis-server binary'), () => {
  let cluster: RedisCluster;
  let clients: Clients;
  beforeAll(async () => {
    cluster = await startCluster();
    clients = clientFactory(cluster);
  });
  afterAll(async () => {
    await clients.noKeyWithoutTtl();
    await clients.close();
    await cluster.stop();
  });

  /** One process's sessions: a client of its own. */
  async function here(more: Partial<SingleSessionOptions> = {}) {
    const redis = clients.clusterClient();
    if (redis.status !== 'ready') await once(redis, 'ready');
    return singleSession(options(redis, clients.prefix, more));
  }

  const nodeOf = (userId: string) => cluster.nodeOf(`${clients.prefix}:v1:single-session:{${userId}}`);

  /** Users of whom each is on another master. */
  const usersOnAll = (name: string): string[] =>
    cluster.masters.map((master) => {
      for (let n = 0; ; n += 1) if (nodeOf(`${name}-${n}`) === master) return `${name}-${n}`;
    });

  it('has each user on the master of their key', async () => {
    const sessions = await here();
    const users = usersOnAll('where');
    for (const userId of users) await sessions.login(userId);
    for (const [n, userId] of users.entries()) {
      const master = cluster.masters[n] as RedisCluster['masters'][number];
      await using one = clientFactory(master);
      const keys = await one.client().keys(`${clients.prefix}*where*`);
      expect(keys).toEqual([`${clients.prefix}:v1:single-session:{${userId}}`]);
    }
  });

  it.each([
    ['replace', 1],
    ['replace', 3],
    ['reject', 1],
    ['reject', 3],
  ] as const)(
    '100 simultaneous logins of a user, from two processes, %s, limit %i: exactly so many verify on both',
    async (policy, limit) => {
      const processes = [await here({ policy, limit }), await here({ policy, limit })] as const;
      for (let round = 0; round < scale({ quick: 17, full: 84 }); round += 1) {
        for (const userId of usersOnAll(`race-${policy}-${limit}-${round}`)) {
          const tokens: string[] = [];
          let rejected = 0;
          await race(100, async (n) => {
            try {
              tokens.push((await processes[n % 2 ? 0 : 1].login(userId)).token);
            } catch (error) {
              expect(error).toMatchObject({ code: 'ERR_TURNPIKE_LOGIN_REJECTED' });
              rejected += 1;
            }
          });
          for (const sessions of processes) {
            const fates = await race(tokens.length, (n) => fate(sessions, tokens[n] ?? ''));
            expect(fates.filter((one) => one === 'live')).toHaveLength(limit);
            expect(fates.filter((one) => one === 'replaced')).toHaveLength(tokens.length - limit);
            expect(await sessions.list(userId)).toHaveLength(limit);
          }
          expect(rejected).toBe(policy === 'reject' ? 100 - limit : 0);
        }
      }
    },
  );

  it('tells every process of every end, whichever master it came on', async () => {
    const [there, elsewhere] = [await here(), await here()];
    const users = usersOnAll('kick');
    const closed: string[] = [];
    const heard: string[] = [];
    await elsewhere.onEnded(({ byDevice }) => heard.push(byDevice));
    for (const userId of users) {
      const { token } = await there.login(userId, { device: 'old' });
      elsewhere.onEnd(await elsewhere.verify(token), () => closed.push(userId));
      const other = await there.login(`${userId}-other`, { device: 'other' });
      elsewhere.onEnd(await elsewhere.verify(other.token), () => closed.push('another’s'));
    }
    for (const userId of users) await there.login(userId, { device: `new of ${userId}` });
    await eventually(() => expect(closed.toSorted()).toEqual(users.toSorted()));
    await eventually(() => expect(heard.toSorted()).toEqual(users.map((userId) => `new of ${userId}`).toSorted()));
    there.close();
    elsewhere.close();
  });

  it('with one master stopped checks the sessions of the others as before', async () => {
    const sessions = await here({ deadlineMs: 250 });
    const users = usersOnAll('stop');
    const tokens: string[] = [];
    for (const userId of users) tokens.push((await sessions.login(userId)).token);
    const [hung] = cluster.masters;
    hung?.pause();
    expect(await Promise.all(tokens.map((token) => fate(sessions, token)))).toEqual([
      'ERR_TURNPIKE_STORE_TIMEOUT',
      'live',
      'live',
    ]);
    hung?.resume();
    await eventually(async () => expect(await fate(sessions, tokens[0] ?? '')).toBe('live'));
  });
});
