import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCache } from '@turnpike/cache-aside';
import { idempotency } from '@turnpike/idempotency';
import { createRateLimiter } from '@turnpike/rate-limit';
import { singleSession } from '@turnpike/single-session';
import { clientFactory, eventually, settableClock, startRedis } from '@turnpike/test-kit';
import express from 'express';
import type { Redis } from 'ioredis';
import request from 'supertest';
import { expect, it } from 'vitest';

/** Sentences of pages, and what their numbers are the bytes of. */
const FIGURES: readonly (readonly [page: string, sentence: RegExp, ...whats: string[]])[] = [
  ['docs/production.md', /of a limit \| (\S+); (\S+) when .*, and (\S+) more/, 'caller', 'hammering', 'recent'],
  ['docs/production.md', /a user with one device \| (\S+); (\S+) more a device/, 'device', 'another device'],
  ['docs/production.md', /of 60 bytes \| (\S+); (\S+) with 1 KB, (\S+) with 10/, 'answer', '1 KB', '10 KB'],
  ['docs/production.md', /value or page of 1 KB \| (\S+); (\S+) of 10 KB/, 'value of 1 KB', 'value of 10 KB'],
  ['packages/rate-limit/README.md', /About (\S+) bytes with its key; (\S+) for a sliding/, 'caller', 'hammering'],
  ['packages/rate-limit/README.md', /limit; (\S+) more for\s+each[^,]+, and some (\S+) for each/, 'recent', 'waiting'],
  ['packages/single-session/README.md', /With its key (\S+) bytes, (\S+) more for each/, 'device', 'another device'],
  ['packages/idempotency/README.md', /name (\S+) bytes while it runs or is in doubt, (\S+) with/, 'doubt', 'answer'],
  ['packages/idempotency/README.md', /bytes of JSON, (\S+)\s+with 1 KB, (\S+) with 10 KB/, '1 KB', '10 KB'],
];

const jsonOf = (bytes: number) => ({ order: 'x'.repeat(bytes - JSON.stringify({ order: '' }).length) });

/** What MEMORY USAGE says of each, key included. */
async function measured(redis: Redis): Promise<Record<string, number>> {
  const clock = await settableClock(redis);
  const common = { redis: clock.client, prefix: 'turnpike', deadlineMs: 5_000 };
  const limits = { ...common, limit: 100_000, windowMs: 60_000, deadlineMs: 100 };
  const [limiter, settled] = [createRateLimiter(limits), createRateLimiter({ ...limits, charge: 'failure' })];
  const jwt = {
    secret: 'thirty-two bytes or more, in a test',
    algorithm: 'HS256',
    issuer: 'a',
    audience: 'b',
  } as const;
  const sessions = singleSession({ ...common, limit: 3, jwt });
  const cache = createCache({ ...common, ttlMs: 60_000 });
  const once = idempotency({ ...common, scope: 'public' });
  const app = express().post('/:bytes', once, (req, res) => {
    const bytes = Number(req.params['bytes']);
    res.status(bytes > 0 ? 201 : 500).json(bytes > 0 ? jsonOf(bytes) : {});
  });

  const seen = new Set(await redis.keys('*'));
  /** Of the one key that this makes. */
  const of = async (act: () => Promise<unknown>): Promise<[key: string, bytes: number]> => {
    await act();
    const key = await eventually(async () => {
      const fresh = (await redis.keys('*')).filter((name) => !seen.has(name) && !name.includes('{clock}'));
      expect(fresh).toHaveLength(1);
      return fresh[0]!;
    });
    seen.add(key);
    return [key, Number(await redis.memory('USAGE', key))];
  };
  const order = (bytes: number) => of(() => request(app).post(`/${bytes}`).set('Idempotency-Key', 'k'));
  const value = (bytes: number) =>
    of(() => cache.getOrLoad(`product:${bytes}`, () => Promise.resolve('x'.repeat(bytes))));

  const [hammered, caller] = await of(() => limiter.take('203.0.113.7'));
  for (let ms = 0; ms < 90_000; ms += 1_000) {
    await clock.advance(1_000);
    await limiter.take('203.0.113.7', { cost: 400 });
  }
  const hammering = Number(await redis.memory('USAGE', hammered));
  const lengthBefore = await redis.strlen(hammered);
  for (let n = 0; n < 100; n += 1) await limiter.take('203.0.113.7');
  const recent = ((await redis.strlen(hammered)) - lengthBefore) / 100;
  const [waiting] = await of(() => settled.take('198.51.100.7'));
  const oneWaits = await redis.strlen(waiting);
  for (let n = 0; n < 20; n += 1) await settled.take('198.51.100.7');
  const login = () => sessions.login('user-12345', { device: 'x'.repeat(64) });
  const [user, device] = await of(login);
  await login();
  const result = {
    caller,
    hammering,
    recent,
    waiting: ((await redis.strlen(waiting)) - oneWaits) / 20,
    device,
    'another device': Number(await redis.memory('USAGE', user)) - device,
    doubt: (await order(0))[1],
    answer: (await order(60))[1],
    '1 KB': (await order(1_000))[1],
    '10 KB': (await order(10_000))[1],
    'value of 1 KB': (await value(1_000))[1],
    'value of 10 KB': (await value(10_000))[1],
  };
  sessions.close();
  cache.close();
  return result;
}

it('a caller, a user, an order and a value take as many bytes as the pages say', async () => {
  await using server = await startRedis();
  await using clients = clientFactory(server, { prefix: 'turnpike' });
  const redis = clients.client();
  const bytes = await measured(redis);
  // Other servers than the pages speak of lay their tables out in other ways, and Valkey 8.1 counts no keys.
  const [least, most] = /redis_version:7\.0/.test(await redis.info('server')) ? [0.92, 1.08] : [0, 1.1];
  const wrong = FIGURES.flatMap(([page, sentence, ...whats]) => {
    const text = readFileSync(join(import.meta.dirname, '../../..', page), 'utf8');
    const told = sentence.exec(text)?.slice(1) ?? [];
    return whats.flatMap((what, at) => {
      const share = bytes[what]! / Number(told[at]?.replace(',', ''));
      return share >= least && share <= most ? [] : [{ page, what, told: told[at], is: bytes[what] }];
    });
  });
  expect(wrong).toEqual([]);
});
