import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import knexOf, { type Knex } from 'knex';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Cache, createCache } from '../src/index.ts';
import * as withKnex from './recipes/knex.ts';
import { productsOf } from './recipes/many-rows.ts';
import { deliverOutbox, noteInvalidation } from './recipes/outbox.ts';
import * as withPg from './recipes/pg.ts';
import * as withPrisma from './recipes/prisma.ts';
import { warmCatalogue } from './recipes/warming.ts';

const it_ = setting();

/** A Postgres in this process, spoken to over a socket as any other. It bears one connection at a time. */
let database: PGlite;
let server: PGLiteSocketServer;
let port: number;
let cache: Cache;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return free;
}

beforeAll(async () => {
  database = await PGlite.create();
  await database.exec(`CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE cache_outbox (id bigserial PRIMARY KEY, key text NOT NULL);`);
  port = await freePort();
  server = new PGLiteSocketServer({ db: database, host: '127.0.0.1', port });
  await server.start();
}, 60_000);
afterAll(async () => {
  await server.stop();
  await database.close();
});
beforeEach(async () => {
  await database.exec(`DELETE FROM products; DELETE FROM cache_outbox; INSERT INTO products VALUES (1, 'old')`);
  const redis = it_.clients.client();
  await redis.ping();
  cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000 });
});

/** What a page shows of the product: cached. */
const shown = (): Promise<string | null> =>
  cache.getOrLoad('product:1', async () => {
    const { rows } = await database.query<{ name: string }>('SELECT name FROM products WHERE id = 1');
    return rows[0]?.name ?? null;
  });

async function cached(): Promise<void> {
  await shown();
  await eventually(() => expect(cache.stats().stored).toBeGreaterThan(0));
}

async function withPool(work: (pool: Pool) => Promise<void>): Promise<void> {
  const pool = new Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 1 });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}

describe('RECIPES.md', () => {
  it('shows the recipes as they are tested here', () => {
    const page = readFileSync(join(import.meta.dirname, '../RECIPES.md'), 'utf8');
    const recipes = readdirSync(join(import.meta.dirname, 'recipes'));
    expect(recipes.length).toBe(6);
    for (const recipe of recipes) {
      expect(page).toContain(readFileSync(join(import.meta.dirname, 'recipes', recipe), 'utf8').trim());
    }
  });
});

describe('pg', () => {
  it('invalidates after the commit, and not after a rollback', () =>
    withPool(async (pool) => {
      await cached();
      const failed = withPg.transaction(pool, cache, async (client, changed) => {
        await client.query(`UPDATE products SET name = 'never' WHERE id = 1`);
        changed('product:1');
        throw new RangeError('no');
      });
      await expect(failed).rejects.toThrow(RangeError);
      expect(cache.stats().invalidated).toBe(0);
      expect(await shown()).toBe('old');
      await withPg.transaction(pool, cache, async (client, changed) => {
        await client.query(`UPDATE products SET name = 'new' WHERE id = 1`);
        changed('product:1', 'catalogue');
      });
      expect(await shown()).toBe('new');
    }));
});

describe('knex', () => {
  it('invalidates after the commit', async () => {
    const knex: Knex = knexOf({
      client: 'pg',
      connection: { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' },
      pool: { min: 0, max: 1 },
    });
    try {
      await cached();
      await withKnex.transaction(knex, cache, { keys: ['product:1'] }, async (trx) => {
        await trx('products').where({ id: 1 }).update({ name: 'new' });
      });
      expect(await shown()).toBe('new');
    } finally {
      await knex.destroy();
    }
  });
});

describe('Prisma', () => {
  // Prisma's client is not run here, for its 72 MB: this stands for it by the one method that is used, over the same
  // Postgres. By hand: npm i @prisma/client @prisma/adapter-pg prisma, and a generate with PRISMA_SCHEMA_ENGINE_BINARY set,
  // which needs no download.
  it('invalidates when $transaction has resolved', async () => {
    const prisma = {
      $transaction: <T>(work: (tx: { name(to: string): Promise<unknown> }) => Promise<T>): Promise<T> =>
        database.transaction((tx) =>
          work({ name: (to) => tx.query('UPDATE products SET name = $1 WHERE id = 1', [to]) }),
        ),
    };
    await cached();
    await withPrisma.transaction(prisma, cache, async (tx, changed) => {
      await tx.name('new');
      changed('product:1');
    });
    expect(await shown()).toBe('new');
  });
});

describe('an outbox', () => {
  it('heals what a process left that died between its commit and its invalidation', () =>
    withPool(async (pool) => {
      await cached();
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(`UPDATE products SET name = 'new' WHERE id = 1`);
      await noteInvalidation(client, 'product:1');
      await client.query('COMMIT');
      client.release(); // and here it dies
      expect(await shown()).toBe('old');
      expect(await deliverOutbox(pool, cache)).toBe(1);
      expect(await shown()).toBe('new');
      expect(await deliverOutbox(pool, cache)).toBe(0);
    }));
});

describe('many rows', () => {
  it('are one query for those that are not cached, in the order of their ids, with null for none', () =>
    withPool(async (pool) => {
      await database.exec(`INSERT INTO products VALUES (2, 'two'), (3, 'three')`);
      await cached();
      const asked: unknown[] = [];
      const counting = new Proxy(pool, {
        get: (target, name) =>
          name === 'query'
            ? (text: string, values: unknown[]) => {
                asked.push(values);
                return target.query(text, values);
              }
            : Reflect.get(target, name),
      });
      for (let n = 0; n < 2; n += 1) {
        const names = (await productsOf(counting, cache, [3, 7, 2, 3])).map((product) => product?.name);
        expect(names).toEqual(['three', undefined, 'two', 'three']);
        await eventually(() => expect(cache.stats().stored).toBe(4));
      }
      expect(asked).toEqual([[[3, 7, 2]]]);
    }));
});

describe('warming', () => {
  it('loads all rows that are not cached, so many in a query', () =>
    withPool(async (pool) => {
      await database.exec(`INSERT INTO products SELECT id, 'name ' || id FROM generate_series(2, 1200) AS id`);
      await cached();
      const { signal } = new AbortController();
      expect(await warmCatalogue(pool, cache, signal)).toEqual({ loaded: 1199, present: 1, failed: 0 });
      expect(await cache.getMany(['product:1', 'product:1200'], () => [])).toEqual(
        new Map<string, unknown>([
          ['product:1', 'old'],
          ['product:1200', { id: 1200, name: 'name 1200' }],
        ]),
      );
    }));
});
