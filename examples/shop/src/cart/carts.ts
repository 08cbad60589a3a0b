import { defineScript, keyspace, pseudonym, storeOf } from '@turnpike/core';
import type { Shop } from '../shop.ts';

/** Whose cart it is. */
export type Owner = { readonly email: string } | { readonly guest: string };

interface CartLine {
  readonly productId: string;
  readonly quantity: number;
}

/** Carts: hashes that live as long as somebody uses them. To lose one is a nuisance, so Redis alone holds them. */
export interface Carts {
  read(owner: Owner): Promise<CartLine[]>;
  /** Sets how many there are of a product; 0 takes it out. Resolves to the cart, or to undefined when it is full. */
  put(owner: Owner, line: CartLine): Promise<CartLine[] | undefined>;
  /** Empties one cart into another; where that does not take them, the lines go back. */
  merge(from: Owner, into: Owner): Promise<void>;
}

/** How long a cart is kept after its last use, in ms. */
export const CART_TTL_MS: number = 7 * 86_400_000;

const [MOST_LINES, MOST_OF_ONE, DEADLINE_MS] = [50, 100, 250];

const linesOf = (flat: readonly string[]): CartLine[] =>
  Array.from({ length: flat.length / 2 }, (_, n) => ({ productId: flat[2 * n]!, quantity: Number(flat[2 * n + 1]) }));

const read = defineScript({
  lua: `
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
    return redis.call('HGETALL', KEYS[1])`,
  encode: (key: string) => ({ keys: [key], argv: [CART_TTL_MS] }),
  decode: (reply) => linesOf(reply as string[]),
});

const put = defineScript({
  lua: `
    local cart, ttlMs, product, quantity, mostLines = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
    if quantity == 0 then
      redis.call('HDEL', cart, product)
    elseif redis.call('HEXISTS', cart, product) == 0 and redis.call('HLEN', cart) >= mostLines then
      redis.call('PEXPIRE', cart, ttlMs)
      return { 'full' }
    else
      redis.call('HSET', cart, product, quantity)
    end
    redis.call('PEXPIRE', cart, ttlMs)
    return { 'put', redis.call('HGETALL', cart) }`,
  encode: ({ key, productId, quantity }: CartLine & { key: string }) => ({
    keys: [key],
    argv: [CART_TTL_MS, productId, quantity, MOST_LINES],
  }),
  decode(reply) {
    const [, flat] = reply as ['put', string[]] | ['full'];
    return flat && linesOf(flat);
  },
});

/** Takes all lines out of a cart: they are the caller's then. */
const take = defineScript({
  lua: `
    local lines = redis.call('HGETALL', KEYS[1])
    redis.call('DEL', KEYS[1])
    return lines`,
  encode: (key: string) => ({ keys: [key], argv: [] }),
  decode: (reply) => linesOf(reply as string[]),
});

const add = defineScript({
  lua: `
    local cart, ttlMs, most, mostLines = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
    for i = 4, #ARGV, 2 do
      local held = tonumber(redis.call('HGET', cart, ARGV[i]) or 0)
      if held > 0 or redis.call('HLEN', cart) < mostLines then
        redis.call('HSET', cart, ARGV[i], math.min(held + tonumber(ARGV[i + 1]), most))
      end
    end
    redis.call('PEXPIRE', cart, ttlMs)
    return 1`,
  encode: ({ key, lines }: { key: string; lines: readonly CartLine[] }) => ({
    keys: [key],
    argv: [CART_TTL_MS, MOST_OF_ONE, MOST_LINES, ...lines.flatMap(({ productId, quantity }) => [productId, quantity])],
  }),
  decode: () => undefined,
});

export function cartsOf({ redis, prefix, secret }: Shop): Carts {
  const store = storeOf(redis);
  const keys = keyspace('cart', prefix);
  const within = { deadlineMs: DEADLINE_MS };
  // A guest's id opens the cart, so it is kept like what identifies a person: nobody who reads Redis can use it.
  const keyOf = (owner: Owner): string => {
    const [kind, id] = 'guest' in owner ? ['guest', owner.guest] : ['account', owner.email];
    return keys([kind, pseudonym(id, secret)]);
  };
  return {
    read: (owner) => store.call(read, keyOf(owner), within),
    put: (owner, line) => store.call(put, { ...line, key: keyOf(owner) }, within),
    async merge(from, into) {
      const lines = await store.call(take, keyOf(from), within);
      if (lines.length === 0) return;
      try {
        await store.call(add, { key: keyOf(into), lines }, within);
      } catch (error) {
        await store.call(add, { key: keyOf(from), lines }, within).catch(() => undefined);
        throw error;
      }
    },
  };
}
