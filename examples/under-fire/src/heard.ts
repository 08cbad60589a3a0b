import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { CacheEvent } from '@turnpike/cache-aside';

/** What the cache has told of one request; of a hit also where it was. */
type Heard = ReadonlySet<CacheEvent['type'] | 'hit in l1' | 'hit in redis'>;

/** Hears what the cache tells of each request, apart from all others. */
export interface Ear {
  /** What `run` resolves to, and what was told meanwhile of it. */
  listen<T>(run: () => Promise<T>): Promise<{ readonly value: T; readonly heard: Heard }>;
  close(): void;
}

export function createEar(): Ear {
  const hearing = new AsyncLocalStorage<Set<string>>();
  const hear = (told: unknown): void => {
    const event = told as CacheEvent;
    hearing.getStore()?.add(event.type === 'hit' ? `hit in ${event.tier}` : event.type);
  };
  subscribe('turnpike:cache-aside', hear);
  return {
    listen(run) {
      const heard = new Set<string>();
      return hearing.run(heard, async () => ({ value: await run(), heard: heard as Heard }));
    },
    close: () => void unsubscribe('turnpike:cache-aside', hear),
  };
}
