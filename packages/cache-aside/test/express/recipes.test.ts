import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Express } from 'express';
import { setting } from '@turnpike/test-kit/vitest';
import { afterEach, describe, expect, it } from 'vitest';
import { createCache } from '../../src/index.ts';
import { shop } from './recipes/pages.ts';
import { accounts } from './recipes/scoped.ts';

const it_ = setting();

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** One server, and so one host: of another the pages are others. */
async function clientOf(app: Express) {
  const server = createServer(app).listen(0, '127.0.0.1');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
}

describe('docs/caching.md', () => {
  it('shows the recipes as they are tested here', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/caching.md'), 'utf8');
    const recipes = readdirSync(join(import.meta.dirname, 'recipes'));
    expect(recipes).toHaveLength(2);
    for (const recipe of recipes) {
      expect(page).toContain(readFileSync(join(import.meta.dirname, 'recipes', recipe), 'utf8').trim());
    }
  });
});

it('pages of products: a rename shows at once, on the page and in the list', async () => {
  const redis = it_.clients.client();
  const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000 });
  const rows = new Map([['1', 'Tea']]);
  const product = (id: string, name: string) => ({ id, name, maker: 'm' });
  let reads = 0;
  const ask = await clientOf(
    shop(cache, {
      async all() {
        reads += 1;
        return [...rows].map(([id, name]) => product(id, name));
      },
      async byId(id) {
        reads += 1;
        const name = rows.get(id);
        return name === undefined ? undefined : product(id, name);
      },
      async rename(id, name) {
        rows.set(id, name);
      },
    }),
  );
  for (let n = 0; n < 3; n += 1) {
    expect(await (await ask('/products')).json()).toEqual([product('1', 'Tea')]);
    expect(await (await ask('/products/1')).json()).toEqual(product('1', 'Tea'));
    expect((await ask('/products/2')).status).toBe(404);
  }
  expect(reads).toBe(3);
  const renaming = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"name":"Chai"}' };
  expect((await ask('/products/1', renaming)).status).toBe(204);
  expect(await (await ask('/products')).json()).toEqual([product('1', 'Chai')]);
  expect(await (await ask('/products/1')).json()).toEqual(product('1', 'Chai'));
  await cache.invalidate({ tags: ['maker:m'] });
  await ask('/products/1');
  expect(reads).toBe(6);
});

it('pages of users: each has his own, and a guest none', async () => {
  const userOf = (req: object) => (req as { headers: Record<string, string> }).headers['x-user'];
  const app = accounts(it_.clients.client(), it_.clients.prefix, (_req, _res, next) => next(), userOf);
  const ask = await clientOf(app);
  for (const user of ['ann', 'bob', 'ann']) {
    const answer = await ask('/orders', { headers: { 'x-user': user } });
    expect(await answer.json()).toEqual({ ordersOf: user });
  }
  expect((await ask('/orders')).headers.get('cache-status')).toBe('turnpike; fwd=bypass; detail=scope');
});
