import express5, { type Request as Request5 } from 'express';
import express4, { type Request as Request4 } from 'express4';
import { Redis } from 'ioredis';
import { afterAll, expectTypeOf, it } from 'vitest';
import { type Decision, rateLimit } from '../src/index.ts';

const redis = new Redis({ lazyConnect: true });
afterAll(() => redis.disconnect());
const limit = rateLimit({ redis, limit: 1, windowMs: 1000 });

it('behind the middleware req.params.id is still a string, for the types of Express 5', () => {
  express5().get('/products/:id', limit, (req, res) => {
    expectTypeOf(req.params.id).toEqualTypeOf<string>();
    expectTypeOf(limit.of(req)).toEqualTypeOf<Decision>();
    res.end();
  });
  express5().use(limit);
  express5.Router().post('/', limit);
});

it('behind the middleware req.params.id is still a string, for the types of Express 4', () => {
  express4().get('/products/:id', limit, (req, res) => {
    expectTypeOf(req.params.id).toEqualTypeOf<string>();
    expectTypeOf(limit.of(req)).toEqualTypeOf<Decision>();
    res.end();
  });
  express4().use(limit);
  express4.Router().post('/', limit);
});

it('key takes a function of our request, of Express 5’s and of Express 4’s', () => {
  rateLimit({ redis, limit: 1, windowMs: 1, key: (req) => req.body?.email });
  rateLimit({ redis, limit: 1, windowMs: 1, key: (req: Request5) => req.ip });
  rateLimit({ redis, limit: 1, windowMs: 1, key: (req: Request4) => req.ip });
});
