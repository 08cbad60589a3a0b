// An app of CommonJS modules: require() of an ES module needs no flag from Node 20.19 on.
const assert = require('node:assert/strict');
const { createCache } = require('@turnpike/cache-aside');
const { cacheResponse } = require('@turnpike/cache-aside/express');
const { l1 } = require('@turnpike/cache-aside/l1');
const { rfc9111 } = require('@turnpike/cache-aside/rfc9111');
const { segment } = require('@turnpike/core');
const { onEnd } = require('@turnpike/core/http');
const { fromNodeRedis } = require('@turnpike/core/node-redis');
const { idempotency } = require('@turnpike/idempotency');
const { rateLimit } = require('@turnpike/rate-limit');
const express = require('express');
const { Redis } = require('ioredis');
const { createClient } = require('redis');
const { sessionRoutes, trySessions } = require('./sessions.cjs');

const redis = new Redis(process.env.REDIS_URL);
const client = createClient({ url: process.env.REDIS_URL });
const prefix = `cjs-${process.pid}`;
const app = express();
const ended = [];
app.use((_req, res, next) => {
  onEnd(res, ({ status }) => ended.push(status));
  next();
});
app.use('/sessions', sessionRoutes(redis, prefix));
const once = idempotency({ redis, prefix, scope: 'public' });
let rendered = 0;
const cache = createCache({ redis, prefix, ttlMs: 60_000, l1: l1() });
app.get('/page', cacheResponse({ cache }), (_req, res) => res.send(`page ${(rendered += 1)}`));
app.get('/shared', cacheResponse({ cache, profile: rfc9111() }), (_req, res) => {
  res.set('Cache-Control', 'max-age=60').send(`shared ${(rendered += 1)}`);
});
app.post('/orders', once, (_req, res) => res.status(201).end());
app.use(rateLimit({ redis: fromNodeRedis(client), prefix, limit: 1, windowMs: 60_000 }));
app.get('/', (_req, res) => res.send('hello'));

const server = app.listen(0, async () => {
  await client.connect();
  const at = (path) => `http://localhost:${server.address().port}${path}`;
  assert.equal((await fetch(at('/'))).status, 200);
  assert.equal((await fetch(at('/'))).status, 429);
  assert.deepEqual(ended, [200, 429]);
  const order = () => fetch(at('/orders'), { method: 'POST', headers: { 'Idempotency-Key': 'k' } });
  assert.equal((await order()).headers.get('idempotent-replayed'), null);
  assert.equal((await order()).headers.get('idempotent-replayed'), 'true');
  const text = async (path) => (await fetch(at(path))).text();
  assert.deepEqual([await text('/page'), await text('/page')], ['page 1', 'page 1']);
  assert.deepEqual([await text('/shared'), await text('/shared')], ['shared 2', 'shared 2']);
  assert.equal(segment('plain'), 'plain');
  await trySessions(at('/sessions'));

  cache.close();
  redis.disconnect();
  client.destroy();
  server.close();
  server.closeAllConnections();
});
