// One process before a page: many requests at once over HTTP, of which one at most has it rendered.
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from '@turnpike/cache-aside';
import { cacheResponse } from '@turnpike/cache-aside/express';
import { runMember } from '@turnpike/test-kit';
import express from 'express';
import { Redis } from 'ioredis';

await runMember(async ({ index, args, barrier, send, onMessage }) => {
  const { url, prefix, path, requests, renderMs, loadTimeoutMs, languages, until } = args;
  const redis = new Redis(url);
  const cache = createCache({ redis, prefix, ttlMs: 60_000, deadlineMs: 5000, loadTimeoutMs });
  await cache.getOrLoad(`warm-${index}`, () => 1);
  const goesOn = new Promise((resolve) => onMessage(resolve));

  let runs = 0;
  const app = express();
  app.get('/plain', cacheResponse({ cache }), async (_req, res) => {
    runs += 1;
    send({ rendering: index });
    res.type('text').write(`${index} `);
    await sleep(renderMs);
    // More than Node writes at once.
    res.end(`page ${runs} ${'ä'.repeat(50_000)}`);
  });
  app.get('/varied', cacheResponse({ cache }), async (req, res) => {
    runs += 1;
    await sleep(renderMs);
    res.vary('Accept-Language').type('text').send(`${index} page ${runs} ${req.headers['accept-language']}`);
  });
  // Expired as soon as it is there; rendered once more, and not before it is said.
  app.get('/hot', cacheResponse({ cache }), async (req, res) => {
    runs += 1;
    send({ rendering: index });
    if (req.headers['x-first'] === undefined) {
      await goesOn;
      return res.type('text').send('new');
    }
    res.set('Cache-Control', 'max-age=0, stale-while-revalidate=600').type('text').send('old');
  });

  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const agent = new Agent({ keepAlive: true });
  const ask = async (more = {}) => {
    const headers = { host: 'pages.test', ...more };
    const sent = request({ host: '127.0.0.1', port, path, agent, headers }).end();
    const [answer] = await once(sent, 'response');
    return { status: answer.statusCode, cacheStatus: answer.headers['cache-status'], body: await text(answer) };
  };

  if (path === '/hot' && index === 0) {
    await ask({ 'x-first': '1' });
    while (!(await ask({ 'x-first': '1' })).cacheStatus.startsWith('turnpike; hit'));
  }
  await barrier('cold');
  const answers = await Promise.all(
    Array.from({ length: requests }, (_, n) => ask({ 'accept-language': languages[n % languages.length] })),
  );
  await barrier('answered');
  send({ answered: index });
  const lastly = async () => {
    const answer = await ask();
    if (answer.body === until) return answer;
    await sleep(5);
    return lastly();
  };
  const last = until && (await lastly());
  return { runs, answers, last };
});
