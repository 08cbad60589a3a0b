// One device at a time: a second login ends the first, whether its token is in a header, in a cookie, or short and followed by
// a refresh token.
import assert from 'node:assert/strict';
import { singleSession } from '@turnpike/single-session';
import { cookieSessions } from '@turnpike/single-session/cookie';
import { refreshing } from '@turnpike/single-session/refresh';
import express from 'express';

export function sessionRoutes(redis, prefix) {
  const jwt = { secret: 'thirty-two bytes or more, here too', algorithm: 'HS256', issuer: 'esm', audience: 'esm' };
  const sessions = singleSession({ redis, prefix, jwt });
  const cookies = cookieSessions(sessions);
  const tokens = refreshing(sessions, { accessMs: 60_000 });
  const me = (kind) => (req, res) => res.json({ userId: kind.of(req).userId });

  const routes = express.Router();
  routes.post('/login', async (_req, res) => res.json(await sessions.login('ann')));
  routes.get('/me', sessions.guard(), me(sessions));
  routes.post('/cookie/login', async (req, res) => res.json(await cookies.login(req, res, 'ben')));
  routes.get('/cookie/me', cookies.guard(), me(cookies));
  routes.post('/tokens/login', async (_req, res) => res.json(await tokens.login('cleo')));
  routes.post('/tokens/refresh', express.json(), tokens.handler());
  return routes;
}

/** `at` is the URL under which the routes are mounted. */
export async function trySessions(at) {
  const post = (path, headers = {}, body = undefined) => fetch(at + path, { method: 'POST', headers, body });
  const get = (path, headers) => fetch(at + path, { headers });
  const bearer = (token) => ({ Authorization: `Bearer ${token}` });

  const { token: first } = await (await post('/login')).json();
  assert.deepEqual(await (await get('/me', bearer(first))).json(), { userId: 'ann' });
  const { token: second, replaced } = await (await post('/login')).json();
  assert.equal(replaced.length, 1);
  assert.equal((await (await get('/me', bearer(first))).json()).code, 'session_replaced');
  assert.deepEqual(await (await get('/me', bearer(second))).json(), { userId: 'ann' });

  const [cookie] = (await post('/cookie/login', { 'Sec-Fetch-Site': 'same-origin' })).headers.getSetCookie();
  assert.match(cookie, /^__Host-session=.*; HttpOnly/);
  assert.deepEqual(await (await get('/cookie/me', { Cookie: cookie.split(';')[0] })).json(), { userId: 'ben' });
  assert.equal((await get('/cookie/me', {})).status, 401);

  const { token, refreshToken } = await (await post('/tokens/login')).json();
  assert.deepEqual(await (await get('/me', bearer(token))).json(), { userId: 'cleo' });
  const json = { 'Content-Type': 'application/json' };
  const next = await (await post('/tokens/refresh', json, JSON.stringify({ refreshToken }))).json();
  assert.notEqual(next.refreshToken, refreshToken);
  assert.deepEqual(await (await get('/me', bearer(next.token))).json(), { userId: 'cleo' });
}
