// An app of CommonJS modules: require() of an ES module needs no flag from Node 20.19 on.
const assert = require('node:assert/strict');
const { cacheResponse } = require('@turnpike/cache-aside/express');
const { rfc9111 } = require('@turnpike/cache-aside/rfc9111');
const { idempotency } = require('@turnpike/idempotency');
const { rateLimit } = require('@turnpike/rate-limit');
const express = require('express');
const { Redis } = require('ioredis');

const redis = new Redis(process.env.REDIS_URL);
const app = express();
const once = idempotency({ redis, prefix: `cjs-${process.pid}`, scope: 'public' });
let rendered = 0;
const pages = cacheResponse({ redis, prefix: `cjs-${process.pid}`, ttlMs: 60_000 });
app.get('/page', pages, (_req, res) => res.send(`page ${(rendered += 1)}`));
app.post('/orders', once, (_req, res) => res.status(201).end());
app.use(rateLimit({ redis, prefix: `cjs-${process.pid}`, limit: 1, windowMs: 60_000 }));
app.get('/', (_req, res) => res.send('hello'));

const server = app.listen(0, async () => {
  const get = () => fetch(`http://localhost:${server.address().port}/`);
  assert.equal((await get()).status, 200);
  assert.equal((await get()).status, 429);
  const order = () =>
    fetch(`http://localhost:${server.address().port}/orders`, { method: 'POST', headers: { 'Idempotency-Key': 'k' } });
  assert.equal((await order()).headers.get('idempotent-replayed'), null);
  assert.equal((await order()).headers.get('idempotent-replayed'), 'true');
  const page = async () => (await fetch(`http://localhost:${server.address().port}/page`)).text();
  assert.deepEqual([await page(), await page()], ['page 1', 'page 1']);

  assert.equal(rfc9111().name, 'rfc9111');

  redis.disconnect();
  server.close();
  server.closeAllConnections();
});
