import { type Clients, type RedisServer, clientFactory, race, startRedis } from '@turnpike/test-kit';
import type { Express } from 'express';
import type { Cluster, Redis } from 'ioredis';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApp } from '../src/app.ts';

let server: RedisServer;
let clients: Clients<Redis, Cluster>;
let app: Express;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  clients = clientFactory(server);
  const redis = clients.client();
  await redis.ping();
  app = createApp({ redis, prefix: clients.prefix, secret: 'thirty-two bytes or more, in a test' });
});
afterEach(async () => {
  server.resume();
  await clients.noKeyWithoutTtl();
  await clients.close();
});

const login = (email: unknown, password: unknown) => request(app).post('/login').send({ email, password });

describe('GET /products', () => {
  it('is served ten times a minute, and the eleventh is told when to come back', async () => {
    const statuses = [];
    for (let n = 0; n < 10; n += 1) statuses.push((await request(app).get('/products')).status);
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 200));
    const refused = await request(app).get('/products').expect(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50);
    expect(JSON.parse(refused.text)['violated-policies']).toEqual(['products']);
  });

  it('is still served when Redis is gone', async () => {
    server.pause();
    const answer = await request(app).get('/products').expect(200);
    expect(answer.body.products).toHaveLength(3);
  });
});

describe('POST /login', () => {
  it('lets the right password in, and refuses the sixth wrong one, also all at once', async () => {
    await login('ann@example.com', 'correct horse battery staple').expect(200);
    const guesses = await race(20, async () => (await login('Ann@Example.com ', 'guess')).status);
    expect(guesses.filter((status) => status === 401)).toHaveLength(5);
    expect(guesses.filter((status) => status === 429)).toHaveLength(15);
  });

  it('is refused with Retry-After when Redis is gone', async () => {
    server.pause();
    await login('ann@example.com', 'correct horse battery staple').expect(503).expect('Retry-After', '1');
  });

  it('answers odd input with 400 or 401, and never with a stack trace', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    for (const [email, password] of [
      [undefined, undefined],
      [null, 1],
      [{ $gt: '' }, ['x']],
      ['__proto__', 'x'],
      ['x'.repeat(3000), 'x'],
    ]) {
      expect((await login(email, password)).status).toBe(401);
    }
    const send = (body: string) => request(app).post('/login').set('Content-Type', 'application/json').send(body);
    for (const [body, status] of [
      ['{"email":', 400],
      ['7', 400],
      [`"${'x'.repeat(5000)}"`, 413],
    ] as const) {
      const answer = await send(body).expect(status);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.text).not.toMatch(/node_modules|at .*\.js/);
    }
    await request(app).post('/login').expect(401);
    vi.restoreAllMocks();
  });
});

describe('an account', () => {
  const PASSWORD = 'correct horse battery staple';
  const signIn = async (device: string) =>
    (await login('ann@example.com', PASSWORD).set('User-Agent', device).expect(200)).body as {
      token: string;
      signedOut: string[];
    };
  const as = (token: string) => ({ Authorization: `Bearer ${token}` });

  it('is open on one device: the newest login wins, and the other is told by which', async () => {
    const phone = await signIn('Phone');
    expect((await request(app).get('/me').set(as(phone.token)).expect(200)).body).toMatchObject({
      user: 'ann@example.com',
      role: 'customer',
      device: 'Phone',
    });
    const laptop = await signIn('Laptop');
    expect(laptop.signedOut).toEqual(['Phone']);
    const refused = await request(app).get('/me').set(as(phone.token)).expect(401);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'session_replaced', 'replaced-by': { device: 'Laptop' } });
    await request(app).get('/me').expect(401).expect('WWW-Authenticate', 'Bearer');
  });

  it('shows its devices, ends them, and signs out', async () => {
    const { token } = await signIn('Phone');
    const { devices } = (await request(app).get('/devices').set(as(token)).expect(200)).body;
    expect(devices).toMatchObject([{ device: 'Phone', isThis: true }]);
    await request(app).delete('/devices/AAAAAAAAAAAA').set(as(token)).expect(404);
    await request(app).delete('/devices/nonsense').set(as(token)).expect(404);
    await request(app).delete(`/devices/${devices[0].handle}`).set(as(token)).expect(204);
    expect(JSON.parse((await request(app).get('/me').set(as(token)).expect(401)).text).code).toBe('session_revoked');
    const again = await signIn('Phone');
    await request(app).post('/logout').set(as(again.token)).expect(204);
    await request(app).get('/me').set(as(again.token)).expect(401);
  });

  it('is not shown while Redis is gone: 503 with Retry-After', async () => {
    const { token } = await signIn('Phone');
    server.pause();
    await request(app).get('/me').set(as(token)).expect(503).expect('Retry-After', '1');
  });
});
