import type { RedisArgument, RedisClient } from '../redis-client.ts';
import type { SubscriberClient } from '../subscriber.ts';
import { type NodeRedisClient, kindOf } from './node-redis-client.ts';
import { resending } from './resending.ts';
import { type Wire, wireOf } from './wires.ts';

const adapters = new WeakMap<object, RedisClient>();

/**
 * A client of node-redis as every `redis` option takes it: `rateLimit({ redis: fromNodeRedis(client) })`. Given the same
 * client again it returns the same object, and so one guard, one listening connection and one set of warnings.
 *
 * The client stays the caller's to connect, to listen to (`client.on('error', …)`) and to close. Until it is connected,
 * and once it is closed, calls fail at once and each package's `onStoreError` decides. What was in flight when a connection
 * broke is sent again on the next one, as ioredis does: a grant whose reply was lost can then be used, or given back.
 *
 * @throws OptionError when `client` is none of node-redis 6.1 or later, or is a pool.
 */
export function fromNodeRedis(client: NodeRedisClient): RedisClient {
  const known = kindOf(client);
  let adapter = adapters.get(known.client);
  if (adapter === undefined) adapters.set(known.client, (adapter = adapt(wireOf(known))));
  return adapter;
}

/** By the first byte of a RESP type what its values become: bulk, simple and verbatim strings, in RESP2 and RESP3. */
const BUFFERS = Object.fromEntries([...Buffer.from('$+=')].map((type) => [type, Buffer]));

/** Whatever mapping the client was made with: strings as strings, integers as numbers. */
const PLAIN = {};

function adapt(wire: Wire): RedisClient {
  const run =
    (command: 'eval' | 'evalsha', typeMapping: object) =>
    (script: string, numberOfKeys: number, ...rest: RedisArgument[]): Promise<unknown> => {
      const words = rest.map((word, at) => (at < numberOfKeys ? wire.keyPrefix + String(word) : wordOf(word)));
      const key = numberOfKeys > 0 ? String(words[0]) : undefined;
      return resending(() => wire.send(key, [command, script, String(numberOfKeys), ...words], { typeMapping }));
    };

  const adapter: RedisClient & Record<'evalshaBuffer' | 'evalBuffer', RedisClient['eval']> & Insides = {
    get status() {
      return wire.status;
    },
    evalsha: run('evalsha', PLAIN),
    eval: run('eval', PLAIN),
    evalshaBuffer: run('evalsha', BUFFERS),
    evalBuffer: run('eval', BUFFERS),
    mgetBuffer(...keys) {
      const prefixed = keys.map((key) => wire.keyPrefix + key);
      return resending(() => wire.read(prefixed, { typeMapping: BUFFERS })) as Promise<(Buffer | null)[]>;
    },
    duplicate: ({ retryStrategy }: Override = {}) => wire.listen(retryStrategy !== null),
    on(event, listener) {
      for (const name of wire.events[event]) wire.client.on(name, listener);
    },
    options: { keyPrefix: wire.keyPrefix },
    ...(wire.masterOf !== undefined && { masterOf: wire.masterOf }),
  };
  return adapter;
}

/** What redis-client.ts looks at beyond the methods. */
interface Insides {
  readonly options: { readonly keyPrefix: string };
  readonly masterOf?: (slot: number) => string | undefined;
  duplicate(override?: Override): SubscriberClient;
}

/** What is asked of a duplicate in ioredis's words, and is not so anyway. */
interface Override {
  readonly retryStrategy?: null;
}

/** node-redis takes no numbers. */
const wordOf = (word: RedisArgument): string | Buffer => (typeof word === 'number' ? String(word) : word);
