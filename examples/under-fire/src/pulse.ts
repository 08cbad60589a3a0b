import { randomUUID } from 'node:crypto';
import type { Cache } from '@turnpike/cache-aside';
import type { Ledger } from '@turnpike/idempotency';
import type { RateLimiter } from '@turnpike/rate-limit';
import type { SingleSession } from '@turnpike/single-session';
import type { Ear } from './heard.ts';

/** One of each package, of one app. */
interface Deciders {
  readonly limiter: RateLimiter;
  readonly sessions: SingleSession<object>;
  readonly ledger: Ledger;
  /** Without a tier in the process, which needs no Redis. */
  readonly cache: Cache;
  readonly ear: Ear;
}

/** Whether each package decides by Redis, of one key. */
const ASKINGS: Readonly<Record<string, (deciders: Deciders, key: string) => Promise<boolean>>> = {
  'rate-limit': async ({ limiter }, key) => !(await limiter.take(key)).degraded,
  'single-session': async ({ sessions }, key) => {
    const { token } = await sessions.login(key);
    return !(await sessions.verify(token)).degraded;
  },
  idempotency: async ({ ledger }, key) => {
    const claim = await ledger.claim({ id: `${key}-${randomUUID()}`, print: '' });
    if (claim.kind !== 'run') return false;
    void claim.run.release();
    return claim.run.isProtected;
  },
  'cache-aside': async ({ cache, ear }, key) => {
    const { heard } = await ear.listen(() => cache.getOrLoad(key, () => Promise.resolve(true)));
    return heard.has('hit in redis') || heard.has('load');
  },
};

/** On a Cluster they lie on all masters. */
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Asks every package for a decision, and resolves to those that have not made it by Redis. */
export function createPulse(deciders: Deciders): () => Promise<string[]> {
  // No two processes end each other's sessions.
  const own = randomUUID();
  return async () => {
    const asked = Object.entries(ASKINGS).flatMap(([name, ask]) =>
      KEYS.map(async (key) => ((await ask(deciders, `pulse-${key}-${own}`).catch(() => false)) ? [] : name)),
    );
    return [...new Set((await Promise.all(asked)).flat())];
  };
}
