// An app of CommonJS modules: require() of an ES module needs no flag from Node 20.19 on.
const assert = require('node:assert/strict');
const { rateLimit } = require('@turnpike/rate-limit');
const express = require('express');
const { Redis } = require('ioredis');

const redis = new Redis(process.env.REDIS_URL);
const app = express();
app.use(rateLimit({ redis, prefix: `cjs-${process.pid}`, limit: 1, windowMs: 60_000 }));
app.get('/', (_req, res) => res.send('hello'));

const server = app.listen(0, async () => {
  const get = () => fetch(`http://localhost:${server.address().port}/`);
  assert.equal((await get()).status, 200);
  assert.equal((await get()).status, 429);

  redis.disconnect();
  server.close();
  server.closeAllConnections();
});
