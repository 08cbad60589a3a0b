// One process of several that are one shared cache: many requests at once, of which each may be answered by the run of another.
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheResponse } from '@turnpike/cache-aside/express';
import { rfc9111 } from '@turnpike/cache-aside/rfc9111';
import { runMember } from '@turnpike/test-kit';
import express from 'express';
import { Redis } from 'ioredis';

await runMember(async ({ index, args, barrier }) => {
  const { url, prefix, requests, headers } = args;
  const redis = new Redis(url);
  const cached = cacheResponse({ redis, prefix, deadlineMs: 5000, profile: rfc9111() });

  const runs = [];
  const app = express();
  app.get('/page', cached, async (req, res) => {
    const isQuestion = req.headers['if-none-match'] === '"a"';
    runs.push(isQuestion ? 'question' : 'page');
    await sleep(50);
    res.set({ ETag: '"a"', 'Cache-Control': req.headers['x-first'] ? 'max-age=1' : 'max-age=60' });
    if (isQuestion) res.status(304).end();
    else res.end(`page ${index}`);
  });

  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const agent = new Agent({ keepAlive: true });
  const ask = async (more = {}) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      path: '/page',
      agent,
      headers: { host: 'pages.test', ...more },
    }).end();
    const [answer] = await once(sent, 'response');
    return { status: answer.statusCode, body: await text(answer) };
  };

  await cached.cache.getOrLoad(`warm-${index}`, () => 1);
  if (args.isExpired) {
    if (index === 0) await ask({ 'x-first': '1' });
    await barrier('stored');
    // Its time is over, in truth.
    await sleep(1100);
    runs.length = 0;
  }
  await barrier('asking');
  const answers = await Promise.all(Array.from({ length: requests }, () => ask(headers)));
  // As an app does that shuts down: what it has begun to say to Redis is said before it goes.
  await redis.quit();
  return { runs, answers };
});
