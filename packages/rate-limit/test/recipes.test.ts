import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, race } from '@turnpike/test-kit';
import type { Redis } from 'ioredis';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { exportApp } from './recipes/costly.ts';
import { loginApp } from './recipes/login.ts';
import { otpApp } from './recipes/otp.ts';
import { planApp } from './recipes/plans.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

/** A client that is connected, so that no test waits for that within a recipe's deadline. */
async function connected(): Promise<Redis> {
  const redis = it_.clients.client();
  await redis.ping();
  return redis;
}

describe('RECIPES.md', () => {
  it('shows the recipes as they are tested here', () => {
    const page = readFileSync(join(import.meta.dirname, '../RECIPES.md'), 'utf8');
    const recipes = readdirSync(join(import.meta.dirname, 'recipes'));
    expect(recipes.length).toBe(4);
    for (const recipe of recipes) {
      expect(page).toContain(readFileSync(join(import.meta.dirname, 'recipes', recipe), 'utf8').trim());
    }
  });
});

describe('login', () => {
  const app = async (trustProxy = false) => {
    const made = loginApp(
      await connected(),
      (req, res) => void res.status(req.body.password === 'right' ? 200 : 401).end(),
      it_.clients.prefix,
    );
    return made.set('trust proxy', trustProxy ? 1 : false);
  };

  it('slows down guesses at one account, however it is spelled, and never its owner', async () => {
    const shop = await app();
    const login = (email: string, password: string) => request(shop).post('/login').send({ email, password });
    for (let n = 0; n < 4; n += 1) await login('ann@example.com', 'guess').expect(401);
    for (let n = 0; n < 8; n += 1) {
      await eventually(async () => void (await login('Ann@Example.com ', 'right').expect(200)));
    }
    await login('ANN@example.com', 'guess').expect(401);
    const refused = await login('ａｎｎ@example.com', 'guess').expect(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50);
    expect(refused.headers['ratelimit']).toMatch(/^"login-address";r=\d+;t=\d+$/);
    expect(refused.text).not.toContain('login-pair');
    await login('bob@example.com', 'right').expect(200);
  });

  it('lets no stranger lock the owner out: sixty guesses from one address, and the owner comes in', async () => {
    const shop = await app(true);
    const login = (from: string, password: string) =>
      request(shop).post('/login').set('X-Forwarded-For', from).send({ email: 'ann@example.com', password });
    const guesses = await race(60, async () => (await login('203.0.113.7', 'guess')).status);
    expect(guesses.filter((status) => status === 401)).toHaveLength(5);
    await login('198.51.100.1', 'right').expect(200);
  });
});

describe('a one-time code', () => {
  it('allows three wrong ones, and then blocks for ten minutes, whatever is sent', async () => {
    const app = otpApp(
      await connected(),
      (req, res) => void res.status(req.body.code === '123456' ? 204 : 403).end(),
      it_.clients.prefix,
    );
    const enter = (code: string) => request(app).post('/otp').send({ challenge: 'c1', code });
    const guesses = await race(50, async (n) => (await enter(String(n))).status);
    expect(guesses.filter((status) => status === 403)).toHaveLength(3);
    const refused = await enter('123456').expect(429);
    expect(JSON.parse(refused.text).code).toBe('rate_limit_blocked');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(590);
  });
});

describe('plans', () => {
  it('limit each caller by its own', async () => {
    const app = planApp(
      await connected(),
      (token) => (token === 'Bearer pro' ? { id: 'p', plan: 'pro' } : { id: 'f', plan: 'free' }),
      it_.clients.prefix,
    );
    const get = (token: string) => request(app).get('/api').set('Authorization', token);
    for (let n = 0; n < 10; n += 1) await get('Bearer free').expect(200);
    await get('Bearer free').expect(429);
    expect((await get('Bearer pro').expect(200)).body.left).toBe(999);
  });
});

describe('a costly endpoint', () => {
  it('counts what is asked of it, and nothing of what is ours', async () => {
    const app = exportApp(await connected(), (req) => 'x-internal' in req.headers, it_.clients.prefix);
    await request(app)
      .get('/export?rows=900')
      .expect(200)
      .expect('RateLimit', /^"export";r=10;/);
    await request(app).get('/export?rows=110').expect(429);
    await request(app).get('/export?rows=1000').set('X-Internal', 'yes').expect(200);
    await request(app)
      .get('/export?rows=100')
      .expect(200)
      .expect('RateLimit', /^"export";r=0;/);
  });
});
