import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { singleSession } from '../src/index.ts';
import { SECRET, options } from './app.ts';
import { admin } from './recipes/admin.ts';
import { bearerApp } from './recipes/bearer.ts';
import { passportApp } from './recipes/passport.ts';
import { cookieApp } from './recipes/cookie.ts';
import { refreshApp } from './recipes/refresh.ts';
import { events } from './recipes/sse.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

describe('RECIPES.md', () => {
  it('shows the recipes as they are tested here', () => {
    const page = readFileSync(join(import.meta.dirname, '../RECIPES.md'), 'utf8');
    for (const recipe of readdirSync(join(import.meta.dirname, 'recipes'))) {
      expect(page).toContain(readFileSync(join(import.meta.dirname, 'recipes', recipe), 'utf8').trim());
    }
  });
});

it('an API with bearer tokens: sign in on a second device, and the first is told', async () => {
  const checkPassword = async (body: unknown) =>
    (body as { password?: string } | undefined)?.password === 'right' ? { id: 'ann', role: 'admin' } : undefined;
  const app = bearerApp(it_.clients.client(), SECRET, checkPassword, it_.clients.prefix);
  const login = (device: string) => request(app).post('/login').set('User-Agent', device).send({ password: 'right' });
  const me = (token: string) => request(app).get('/me').set('Authorization', `Bearer ${token}`);
  await request(app).post('/login').send({ password: 'wrong' }).expect(401);
  const phone = (await login('Phone')).body.token;
  expect((await me(phone).expect(200)).body).toEqual({ userId: 'ann', role: 'admin', device: 'Phone' });
  const laptop = (await login('Laptop').expect(200)).body;
  expect(laptop.signedOut).toEqual(['Phone']);
  const refused = await me(phone).expect(401).expect('WWW-Authenticate', 'Bearer error="invalid_token"');
  expect(JSON.parse(refused.text)).toMatchObject({ code: 'session_replaced', 'replaced-by': { device: 'Laptop' } });
  await request(app).post('/logout').set('Authorization', `Bearer ${laptop.token}`).expect(204);
  expect(JSON.parse((await me(laptop.token).expect(401)).text).code).toBe('session_logged_out');
});

it('a stream ends with its session', async () => {
  const sessions = singleSession(options(it_.clients.client(), it_.clients.prefix));
  const server = createServer(express().use(events(sessions))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { token } = await sessions.login('ann');
  const stream = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/events`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const heard = stream.text();
  await sessions.login('ann');
  expect(await heard).toBe('event: signed-out\ndata: {}\n\n');
  server.close();
  sessions.close();
});

it('support lists and ends sessions', async () => {
  const sessions = singleSession(options(it_.clients.client(), it_.clients.prefix, { limit: 3 }));
  const app = express().use(
    admin(sessions, (req, res, next) => {
      if (sessions.of(req).userId === 'root') next();
      else res.sendStatus(403);
    }),
  );
  const as = (token: string) => ({ Authorization: `Bearer ${token}` });
  const root = as((await sessions.login('root')).token);
  const ann = await sessions.login('ann', { device: 'Phone' });
  await sessions.login('ann', { device: 'Laptop' });
  await request(app).get('/users/ann/devices').set(as(ann.token)).expect(403);
  const devices = (await request(app).get('/users/ann/devices').set(root).expect(200)).body;
  expect(devices.map(({ device }: { device: string }) => device).toSorted()).toEqual(['Laptop', 'Phone']);
  await request(app).delete(`/users/ann/devices/${ann.session.handle}`).set(root).expect(204);
  await request(app).delete(`/users/ann/devices/${ann.session.handle}`).set(root).expect(404);
  expect((await request(app).delete('/users/ann/devices').set(root)).body).toEqual({ ended: 1 });
});

it('an app with passport-jwt keeps its tokens, and gets one session a user', async () => {
  const app = passportApp(it_.clients.client(), SECRET, it_.clients.prefix);
  const login = async () => (await request(app).post('/login/ann').expect(200)).body.token as string;
  const me = (token: string) => request(app).get('/me').set('Authorization', `Bearer ${token}`);
  const first = await login();
  expect((await me(first).expect(200)).body).toEqual({ userId: 'ann' });
  const second = await login();
  expect(JSON.parse((await me(first).expect(401)).text).code).toBe('session_replaced');
  await me(second).expect(200);
  await me(`${second}x`).expect(401);
});

const ann = async (body: unknown) =>
  (body as { password?: string } | undefined)?.password === 'right' ? { id: 'ann' } : undefined;

it('an app with cookies: signs in, refuses other sites, tells who was displaced, and clears the cookie at logout', async () => {
  const app = cookieApp(it_.clients.client(), SECRET, ann, it_.clients.prefix);
  const login = () => request(app).post('/login').set('Sec-Fetch-Site', 'same-origin').send({ password: 'right' });
  const cookieOf = (answer: request.Response): string => String(answer.headers['set-cookie']).split(';')[0]!;
  const first = await login().expect(204);
  expect(String(first.headers['set-cookie'])).toMatch(/^__Host-session=.*HttpOnly/);
  expect(String(first.headers['set-cookie'])).toMatch(/Secure/);
  await request(app).get('/me').set('Cookie', cookieOf(first)).expect(200, { userId: 'ann' });
  const logout = (site: string) =>
    request(app).post('/logout').set('Cookie', cookieOf(first)).set('Sec-Fetch-Site', site);
  await logout('cross-site').expect(403);
  const second = await login().expect(204);
  const refused = await request(app).get('/me').set('Cookie', cookieOf(first)).expect(401);
  expect(JSON.parse(refused.text).code).toBe('session_replaced');
  await request(app).get('/me').set('Cookie', cookieOf(second)).expect(200);
  const out = request(app).post('/logout').set('Cookie', cookieOf(second)).set('Sec-Fetch-Site', 'same-origin');
  expect(String((await out.expect(204)).headers['set-cookie'])).toMatch(/^__Host-session=;.*Max-Age=0/);
});

it('refresh tokens are good for one use', async () => {
  const app = refreshApp(it_.clients.client(), SECRET, ann, it_.clients.prefix);
  const first = (await request(app).post('/login').send({ password: 'right' }).expect(200)).body;
  const refresh = (refreshToken: string) => request(app).post('/refresh').send({ refreshToken });
  const second = (await refresh(first.refreshToken).expect(200)).body;
  const third = (await refresh(second.refreshToken).expect(200)).body;
  await request(app).get('/me').set('Authorization', `Bearer ${third.token}`).expect(200, { userId: 'ann' });
  const stolen = await refresh(first.refreshToken).expect(401);
  expect(JSON.parse(stolen.text).code).toBe('session_refresh_reused');
  await request(app).get('/me').set('Authorization', `Bearer ${third.token}`).expect(401);
});
