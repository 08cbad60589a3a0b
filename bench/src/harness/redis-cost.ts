import { Redis } from 'ioredis';
import type { RedisServer } from '@turnpike/test-kit';

/** µs that Redis has spent on each command since it started: what a script calls inside is part of its script. */
export type CommandTimes = ReadonlyMap<string, number>;

/** Questions to the Redis of a contender, by a connection that sends nothing while a round runs. */
export interface RedisProbe {
  times(): Promise<CommandTimes>;
  /** Bytes that all keys together take: MEMORY USAGE of each, which counts its name, too. For a few keys. */
  memory(): Promise<number>;
  /** Bytes that Redis has in use for whatever it does: for so many keys that they are nearly all of it. */
  usedBytes(): Promise<number>;
  flush(): Promise<void>;
  version(): Promise<string>;
  close(): void;
}

const LINE = /^cmdstat_([^:]+):calls=\d+,usec=(\d+)/gm;

export function probeRedis({ host, port }: Pick<RedisServer, 'host' | 'port'>): RedisProbe {
  const redis = new Redis({ host, port });
  return {
    async times() {
      const said = await redis.info('commandstats');
      return new Map([...said.matchAll(LINE)].map(([, name = '', us]) => [name, Number(us)]));
    },
    async memory() {
      const keys = await redis.keys('*');
      const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key, 'SAMPLES', 0)));
      return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    },
    async usedBytes() {
      return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
    },
    async flush() {
      await redis.flushall();
    },
    async version() {
      return /(?:redis|valkey)_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown';
    },
    close: () => redis.disconnect(),
  };
}

/** µs spent between two readings on the commands that a client sent, by their names as MONITOR shows them. */
export function spentUs(before: CommandTimes, after: CommandTimes, sent: ReadonlySet<string>): number {
  const spent = [...after].map(([name, us]) =>
    sent.has(name.split('|')[0] ?? name) ? us - (before.get(name) ?? 0) : 0,
  );
  return spent.reduce((sum, us) => sum + us, 0);
}
