import { createCache } from '../src/index.ts';
interface Product {
  id: number;
  tags: string[];
  maybe?: string;
}
declare const db: any;
export async function f(cache: ReturnType<typeof createCache>) {
  const c = createCache({ redis: db, ttlMs: 1 });
  const a: Product = await c.getOrLoad('k', async ({ tag }): Promise<Product> => {
    tag('a');
    return { id: 1, tags: [] };
  });
  const b: Product | null = await c.getOrLoad('k', async ({ signal }) => {
    const p: Product | null = await db.x(signal);
    return p;
  });
  const n: number = await c.getOrLoad('k', () => 1 as number);
  const u: string | undefined = await c.getOrLoad('k', ({ ttlMs }) => {
    ttlMs(1);
    return Math.random() > 1 ? 'a' : undefined;
  });
  const buf: Buffer = await c.getOrLoad('k', async () => Buffer.from('a'));
  const bufn: Buffer | null = await c.getOrLoad('k', async (): Promise<Buffer | null> => Buffer.from('a'));
  const list: Product[] = await c.getOrLoad('k', async () => [{ id: 1, tags: ['a'] } as Product]);
  const rows = await c.getOrLoad('k', async () => db.query('x'));
  const obj = await c.getOrLoad('k', async () => ({ id: 1, nested: { a: ['b'], c: null } }));
  const s: string | undefined = obj.nested.a[0];
  // @ts-expect-error a date
  await c.getOrLoad('x', async () => ({ at: new Date() }));
  // @ts-expect-error a date
  await c.getOrLoad('x', async ({ tag }) => {
    tag('a');
    return { at: new Date() };
  });
  // @ts-expect-error a map
  await c.getOrLoad('x', () => new Map<string, string>());
  // @ts-expect-error unknown
  await c.getOrLoad('x', () => ({ a: 1 }) as unknown);
  const any = createCache({ redis: db, ttlMs: 1, serializer: { serialize: String, deserialize: String } });
  const d: Date = await any.getOrLoad('x', async ({ tag }) => {
    tag('a');
    return new Date();
  });
  return [a, b, n, u, buf, bufn, list, rows, s, d, cache];
}
