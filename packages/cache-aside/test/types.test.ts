import { Redis } from 'ioredis';
import { afterAll, expectTypeOf, it } from 'vitest';
import { type Warmed, createCache } from '../src/index.ts';

const redis = new Redis({ lazyConnect: true });
afterAll(() => redis.disconnect());
const cache = createCache({ redis, ttlMs: 60_000 });
// Types are the subject: nothing of this is called.
const typed = (_: () => unknown): void => undefined;

interface Product {
  id: number;
  tags: string[];
  name?: string;
}
declare const product: Product | null;

it('gives back the type of the loader, for whatever JSON carries', () => {
  typed(() => expectTypeOf(cache.getOrLoad('k', async () => product)).resolves.toEqualTypeOf<Product | null>());
  typed(() =>
    expectTypeOf(
      cache.getOrLoad('k', ({ tag, signal }) => {
        tag(String(signal.aborted));
        return product ?? undefined;
      }),
    ).resolves.toEqualTypeOf<Product | undefined>(),
  );
  typed((): Promise<Buffer> => cache.getOrLoad('k', () => Buffer.alloc(1)));
  typed(() => expectTypeOf(cache.getOrLoad('k', () => ['a'])).resolves.toEqualTypeOf<string[]>());
});

it('refuses what JSON would change without a word', () => {
  // @ts-expect-error -- a Date would come back as a string
  typed(() => cache.getOrLoad('k', async () => ({ at: new Date() })));
  typed(() =>
    // @ts-expect-error -- also where the loader uses its context
    cache.getOrLoad('k', async ({ tag }) => {
      tag('a');
      return { at: new Date() };
    }),
  );
  // @ts-expect-error -- a Map would come back empty
  typed(() => cache.getOrLoad('k', () => new Map<string, string>()));
  // @ts-expect-error -- a Buffer stays one only by itself
  typed(() => cache.getOrLoad('k', () => ({ bytes: Buffer.alloc(1) })));
  // @ts-expect-error -- a bigint has no JSON
  typed(() => cache.getOrLoad('k', () => 1n));
});

it('holds the loader of many keys to the same', () => {
  typed(() =>
    expectTypeOf(cache.getMany(['k'], async () => [['k', product] as const])).resolves.toEqualTypeOf<
      Map<string, Product | null>
    >(),
  );
  typed(() =>
    expectTypeOf(cache.getMany(['k'], () => new Map<string, number>())).resolves.toEqualTypeOf<Map<string, number>>(),
  );
  typed(() =>
    expectTypeOf(
      cache.getMany(['k'], (missing, { tag }) => {
        tag('k', 't');
        return missing.map((key): [string, { id: number }] => [key, { id: 1 }]);
      }),
    ).resolves.toEqualTypeOf<Map<string, { id: number }>>(),
  );
  // @ts-expect-error -- a Date would come back as a string
  typed(() => cache.getMany(['k'], async () => new Map([['k', new Date()]])));
  // @ts-expect-error -- also inside of what pairs hold
  typed(() => cache.getMany(['k'], (missing) => missing.map((key) => [key, { at: new Date() }] as const)));
});

it('holds what is warmed to the same, one by one or as it comes', () => {
  typed(() => cache.warm([{ key: 'a', load: () => 1 }]));
  typed(() => cache.warm([{ keys: ['b'], loadMany: async (missing) => missing.map((key) => [key, 'v'] as const) }]));
  async function* entries() {
    yield { key: 'a', load: async () => product, tags: ['t'], ttlMs: 1000 };
  }
  typed(() => expectTypeOf(cache.warm(entries())).resolves.toEqualTypeOf<Warmed>());
  function* batches() {
    yield { keys: ['a'], loadMany: async () => new Map([['a', product]]), staleMs: 1 };
  }
  typed(() => cache.warm(batches()));
  // @ts-expect-error -- a Date would come back as a string
  typed(() => cache.warm([{ key: 'a', load: () => new Date() }]));
  // @ts-expect-error -- also among many
  typed(() => cache.warm([{ keys: ['a'], loadMany: () => new Map([['a', new Date()]]) }]));
});

it('takes whatever the serializer takes', () => {
  const serializer = { serialize: String, deserialize: String };
  const any = createCache({ redis, ttlMs: 1, serializer });
  typed(() => expectTypeOf(any.getOrLoad('k', async () => new Date())).resolves.toEqualTypeOf<Date>());
  typed(() => expectTypeOf(any.getMany(['k'], () => [['k', new Date()]])).resolves.toEqualTypeOf<Map<string, Date>>());
});
