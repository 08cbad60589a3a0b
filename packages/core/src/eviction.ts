import { memoryLua } from './lua.gen.ts';
import { defineScript } from './script.ts';
import type { Store } from './store.ts';
import type { Warn } from './warnings.ts';

const memory = defineScript({
  lua: memoryLua,
  encode: (route: string) => ({ keys: [route], argv: [] }),
  decode: (reply) => (reply as [tag: 'memory', info: string])[1],
});

const DEADLINE_MS = 1000;

/** All of ours have a TTL, so all others evict them. This one begins with what is gone soonest: a cache beside them. */
const KEEPS: ReadonlySet<string> = new Set(['noeviction', 'volatile-ttl']);

/**
 * For packages whose promise breaks with a lost key: reads the server's `maxmemory_policy` and warns when it may evict
 * keys that are still needed. One read; a server that does not answer is not asked again and says nothing.
 */
export async function warnOfEviction(store: Store, route: string, warn: Warn): Promise<void> {
  try {
    const info = await store.call(memory, route, { deadlineMs: DEADLINE_MS });
    const policy = /^maxmemory_policy:(.+?)\r?$/m.exec(info)?.[1];
    if (policy !== undefined && !KEEPS.has(policy)) {
      warn(
        'TURNPIKE_WARN_EVICTION',
        `Redis may evict these keys when its memory is full (maxmemory-policy ${policy}). ` +
          'Use noeviction, or volatile-ttl beside a cache, for what must not be forgotten.',
      );
    }
  } catch {
    // Advice is not worth an error: the calls that matter will say what is wrong with Redis.
  }
}
