// An app of ES modules: the first request passes, the second is one too many.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rateLimit } from '@turnpike/rate-limit';
import express from 'express';
import { Redis } from 'ioredis';

const redis = new Redis(process.env.REDIS_URL);
const app = express();
const limit = rateLimit({ redis, prefix: `esm-${process.pid}`, limit: 1, windowMs: 60_000 });
app.get('/products', limit, (req, res) => res.json({ remaining: limit.of(req).remaining }));

const server = app.listen(0);
await once(server, 'listening');
const get = () => fetch(`http://localhost:${server.address().port}/products`);

const first = await get();
assert.equal(first.status, 200);
assert.deepEqual(await first.json(), { remaining: 0 });
const second = await get();
assert.equal(second.status, 429);
assert.ok(Number(second.headers.get('retry-after')) >= 1);

redis.disconnect();
server.close();
server.closeAllConnections();
