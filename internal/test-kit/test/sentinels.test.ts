import { describe, expect, test } from 'vitest';
import {
  canStartCluster,
  clientFactory,
  eventually,
  skipUnless,
  startRedis,
  startReplica,
  startSentinels,
} from '../src/index.ts';

describe('sentinels', skipUnless(canStartCluster(), 'there is no redis-server binary'), () => {
  test('make a replica the master when theirs is killed, and lead clients to it', async () => {
    await using master = await startRedis();
    await using replica = await startReplica(master);
    await using watch = await startSentinels(master, 1, { name: 'shop', count: 3 });
    expect(watch.sentinels).toHaveLength(3);
    await using clients = clientFactory(watch);
    const redis = clients.client();
    await redis.set('a', '1', 'PX', 60_000);
    expect(redis.stream.remotePort).toBe(master.port);
    await replica.caughtUp();
    await master.kill();
    await eventually(async () => expect(await redis.incr('a')).toBe(2), { withinMs: 15_000 });
    expect(redis.stream.remotePort).toBe(replica.port);
  });
});
