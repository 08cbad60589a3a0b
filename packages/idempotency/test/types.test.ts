import express5, { type Request as Request5 } from 'express';
import express4, { type Request as Request4 } from 'express4';
import { Redis } from 'ioredis';
import { afterAll, expectTypeOf, it } from 'vitest';
import { type IdempotentRun, idempotency } from '../src/index.ts';

const redis = new Redis({ lazyConnect: true });
afterAll(() => redis.disconnect());
const once = idempotency({ redis, scope: 'public' });

it('behind the middleware req.params.id is still a string, for the types of Express 5 and of Express 4', () => {
  express5().post('/orders/:id', once, (req, res) => {
    expectTypeOf(req.params.id).toEqualTypeOf<string>();
    expectTypeOf(once.of(req)).toEqualTypeOf<IdempotentRun>();
    res.end();
  });
  express4().post('/orders/:id', once, (req, res) => {
    expectTypeOf(req.params.id).toEqualTypeOf<string>();
    expectTypeOf(once.of(req)).toEqualTypeOf<IdempotentRun>();
    res.end();
  });
});

it('scope takes a function of our request, of Express 5’s and of Express 4’s', () => {
  idempotency({ redis, scope: (req) => req.body?.user });
  idempotency({ redis, scope: (req: Request5) => req.ip ?? '' });
  idempotency({ redis, scope: (req: Request4) => req.ip ?? '' });
  // @ts-expect-error -- it has to be said
  idempotency.bind(undefined, { redis });
});
