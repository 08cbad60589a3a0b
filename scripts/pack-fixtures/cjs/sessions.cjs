// One device at a time: a second login ends the first; by a cookie, and with refresh tokens.
const assert = require('node:assert/strict');
const { singleSession } = require('@turnpike/single-session');
const { cookieSessions } = require('@turnpike/single-session/cookie');
const { refreshing } = require('@turnpike/single-session/refresh');
const express = require('express');

exports.sessionRoutes = (redis, prefix) => {
  const jwt = { secret: 'thirty-two bytes or more, here too', algorithm: 'HS256', issuer: 'cjs', audience: 'cjs' };
  const sessions = singleSession({ redis, prefix, jwt });
  const cookies = cookieSessions(sessions);
  const tokens = refreshing(sessions, { accessMs: 60_000 });

  const routes = express.Router();
  routes.post('/login', async (_req, res) => res.json(await tokens.login('ann')));
  routes.post('/refresh', express.json(), tokens.handler());
  routes.get('/me', sessions.guard(), (req, res) => res.json({ userId: sessions.of(req).userId }));
  routes.post('/cookie/login', async (req, res) => res.json(await cookies.login(req, res, 'ben')));
  routes.get('/cookie/me', cookies.guard(), (req, res) => res.json({ userId: cookies.of(req).userId }));
  return routes;
};

/** `at` is the URL under which the routes are mounted. */
exports.trySessions = async (at) => {
  const post = (path, headers = {}, body = undefined) => fetch(at + path, { method: 'POST', headers, body });
  const get = async (path, headers) => (await fetch(at + path, { headers })).json();
  const bearer = (token) => ({ Authorization: `Bearer ${token}` });

  const { token: displaced } = await (await post('/login')).json();
  const { token, refreshToken } = await (await post('/login')).json();
  assert.equal((await get('/me', bearer(displaced))).code, 'session_replaced');
  assert.deepEqual(await get('/me', bearer(token)), { userId: 'ann' });
  const json = { 'Content-Type': 'application/json' };
  const next = await (await post('/refresh', json, JSON.stringify({ refreshToken }))).json();
  assert.deepEqual(await get('/me', bearer(next.token)), { userId: 'ann' });

  const [cookie] = (await post('/cookie/login', { 'Sec-Fetch-Site': 'same-origin' })).headers.getSetCookie();
  assert.deepEqual(await get('/cookie/me', { Cookie: cookie.split(';')[0] }), { userId: 'ben' });
};
