// One device at a time, with claims of the app's own, by a header, by a cookie, and with refresh tokens.
import assert from 'node:assert/strict';
import { type Login, type Session, type SingleSession, singleSession } from '@turnpike/single-session';
import { type CookieSessions, cookieSessions } from '@turnpike/single-session/cookie';
import { type Refreshing, type Tokens, refreshing } from '@turnpike/single-session/refresh';
import express, { type Router } from 'express';
import type { Redis } from 'ioredis';

type Claims = { role: 'clerk' | 'buyer' };

export function sessionRoutes(redis: Redis, prefix: string): Router {
  const sessions: SingleSession<Claims> = singleSession<Claims>({
    redis,
    prefix,
    jwt: { secret: 'thirty-two bytes or more, here too', algorithm: 'HS256', issuer: 'ts', audience: 'ts' },
  });
  const cookies: CookieSessions<Claims> = cookieSessions(sessions, { sameSite: 'Strict' });
  const tokens: Refreshing<Claims> = refreshing(sessions, {
    accessMs: 60_000,
    claims: (_userId, { role }) => ({ role }),
  });

  const routes = express.Router();
  routes.post('/login', async (_req, res) => {
    const login: Login & Tokens = await tokens.login('ann', { claims: { role: 'clerk' } });
    res.json(login);
  });
  routes.post('/refresh', express.json(), tokens.handler());
  routes.get('/users/:id', sessions.guard(), (req, res) => {
    const id: string = req.params.id;
    const session: Session<Claims> = sessions.of(req);
    res.json({ id, userId: session.userId, role: session.claims.role });
  });
  routes.post('/cookie/login', async (req, res) => {
    const begun: Omit<Login, 'token'> = await cookies.login(req, res, 'ben', { claims: { role: 'buyer' } });
    res.json(begun);
  });
  routes.get('/cookie/me', cookies.guard(), (req, res) => {
    const role: 'clerk' | 'buyer' = cookies.of(req).claims.role;
    res.json({ role });
  });
  return routes;
}

/** `at` is the URL under which the routes are mounted. */
export async function trySessions(at: string): Promise<void> {
  const post = (path: string, headers: Record<string, string> = {}, body?: string) =>
    fetch(at + path, { method: 'POST', headers, ...(body !== undefined && { body }) });
  const get = async (path: string, headers: Record<string, string>) => (await fetch(at + path, { headers })).json();
  const login = async () => (await (await post('/login')).json()) as Tokens;
  const bearer = ({ token }: Tokens) => ({ Authorization: `Bearer ${token}` });

  const [displaced, live] = [await login(), await login()];
  assert.deepEqual(await get('/users/7', bearer(live)), { id: '7', userId: 'ann', role: 'clerk' });
  const refusal = (await get('/users/7', bearer(displaced))) as { code: string };
  assert.equal(refusal.code, 'session_replaced');
  const json = { 'Content-Type': 'application/json' };
  const next = await post('/refresh', json, JSON.stringify({ refreshToken: live.refreshToken }));
  assert.deepEqual(await get('/users/8', bearer((await next.json()) as Tokens)), {
    id: '8',
    userId: 'ann',
    role: 'clerk',
  });

  const [cookie = ''] = (await post('/cookie/login', { 'Sec-Fetch-Site': 'same-origin' })).headers.getSetCookie();
  assert.deepEqual(await get('/cookie/me', { Cookie: cookie.split(';')[0] ?? '' }), { role: 'buyer' });
}

/** What the compiler has to refuse; nothing calls it. */
export function refused(sessions: SingleSession<Claims>): void {
  // @ts-expect-error -- a claim that these sessions do not have
  void sessions.login('ann', { claims: { role: 'king' } });
  // @ts-expect-error -- how long an access token is good for has to be said
  refreshing(sessions, {});
}
