// One process of the race of pages: serves rows over HTTP, asks all processes for them at random, and says which pages were stale.
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { runMember } from '@turnpike/test-kit';
import express4 from 'express4';
import express5 from 'express';
import { Redis } from 'ioredis';
import { randomFrom } from './chance.mjs';
import { databaseAt } from './database-at.mjs';

const LANGUAGES = ['en', 'de', 'fr'];
/** Of all processes: their pages are the same. */
const HOST = 'pages.test';

await runMember(async ({ index, count, args, barrier, send, onMessage }) => {
  const { url, prefix, port, seed, rounds, ops, spreadMs, keyCounts, loadMs, loadTimeoutMs, dist, endsAtStale } = args;
  const { createCache } = await import(`${dist}/index.js`);
  const { cacheResponse, cacheTags, invalidates } = await import(`${dist}/express/index.js`);
  const random = randomFrom(seed * 1000 + index);
  const chance = (share) => random() < share;
  const database = databaseAt(port);
  const redis = new Redis(url);
  const cache = createCache({ redis, prefix, ttlMs: 600_000, loadTimeoutMs, deadlineMs: 5000 });
  const stale = [];
  const seen = { hit: 0, stale: 0, collapsed: 0, missed: 0, variants: 0, overtaken: 0, written: 0, lost: 0 };

  const groupOf = (key) => key.replace(/:k\d+$/, ':group');
  const numberOf = (key) => Number(/\d+$/.exec(key)[0]);
  const roundOf = (key) => Number(/:r(\d+)/.exec(key)[1]);

  // Half of the processes are of the other Express.
  const app = (index % 2 === 0 ? express5 : express4)();
  app.set('env', 'test');
  app.get('/rows/:key', cacheResponse({ cache, tags: ({ params }) => [params.key] }), (req, res, next) => {
    const { key } = req.params;
    const [n, round] = [numberOf(key), roundOf(key)];
    // A few are too slow for their timeout: their page comes late, and is stored if it may be.
    const delayMs = chance(0.008) ? 2 * loadTimeoutMs : random() * loadMs[round % loadMs.length];
    const answer = async () => {
      const rows = await database('read', [key, groupOf(key)], { delayMs });
      // What else is on the page turns out while it is rendered.
      cacheTags(res, groupOf(key));
      const language = n % 2 === 1 ? req.headers['accept-language'] : undefined;
      if (language !== undefined) res.vary('Accept-Language');
      // A third is expired at once, and rendered anew behind its stale page.
      if (n % 3 === 0) res.set('Cache-Control', 'max-age=0, stale-while-revalidate=600');
      // A page that is old before it has left: stored, it has to be absent.
      res.once('close', async () => {
        const now = await database('read', Object.keys(rows));
        if (Object.keys(rows).some((row) => now[row] > rows[row])) seen.overtaken += 1;
      });
      const page = JSON.stringify({ rows, language });
      if (n % 4 < 2) return res.type('json').send(page);
      res.type('json');
      Readable.from([page.slice(0, 5), page.slice(5)]).pipe(res);
    };
    answer().catch((error) => next(error));
  });

  const change = (inPieces) => async (req, res) => {
    const rows = [req.params.key];
    const committed = JSON.stringify(await database('write', rows));
    // Until the answer has left, nobody may know of the change: should this process be killed, it is abandoned.
    res.once('close', () => void database('done', rows, { committed: {} }));
    res.type('json');
    if (!inPieces) return res.send(committed);
    res.write(committed.slice(0, 3));
    res.end(committed.slice(3));
  };
  const written = invalidates({ cache, tags: ({ params }) => [params.key] });
  app.put('/rows/:key', written, change(false));
  app.put('/groups/:key', written, change(true));

  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const all = new Promise((resolve) => onMessage(({ ports }) => resolve(ports)));
  send({ index, port: server.address().port });
  const ports = await all;
  const agent = new Agent({ keepAlive: true });

  /** Undefined where nobody is there any more. */
  const ask = async (to, method, path, headers = {}) => {
    const sent = request({
      port: ports[to],
      host: '127.0.0.1',
      method,
      path,
      agent,
      headers: { host: HOST, ...headers },
    });
    try {
      sent.end();
      const [answer] = await once(sent, 'response');
      return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
    } catch {
      seen.lost += 1;
      return undefined;
    }
  };

  for (let round = 0; round < rounds; round += 1) {
    const keys = Array.from({ length: keyCounts[round % keyCounts.length] }, (_, n) => `s${seed}:r${round}:k${n}`);
    const group = groupOf(keys[0]);

    const read = async (key, to, what) => {
      const atLeast = await database('settled', [key, group]);
      const language = LANGUAGES[Math.floor(random() * LANGUAGES.length)];
      const answer = await ask(to, 'GET', `/rows/${key}`, { 'accept-language': language });
      if (answer === undefined) return;
      const status = answer.headers['cache-status'];
      if (/hit; ttl=-/.test(status)) seen.stale += 1;
      else if (/hit/.test(status)) seen.hit += 1;
      else if (/collapsed/.test(status)) seen.collapsed += 1;
      else seen.missed += 1;
      if (answer.headers.vary !== undefined) seen.variants += 1;
      if (answer.status !== 200) return void stale.push(`${what}: ${key} was ${answer.status} ${answer.body}`);
      const page = JSON.parse(answer.body);
      if (answer.headers.vary !== undefined && page.language !== language) {
        stale.push(`${what}: ${key} was ${page.language} instead of ${language}`);
      }
      for (const row of [key, group]) {
        if (page.rows[row] >= atLeast[row]) continue;
        stale.push(`${what}: ${row} was ${page.rows[row]}, and ${atLeast[row]} was settled (${status})`);
      }
    };

    const write = async (path, to) => {
      const answer = await ask(to, 'PUT', path);
      if (answer?.status !== 200) return;
      seen.written += 1;
      const rows = JSON.parse(answer.body);
      await database('done', Object.keys(rows), { committed: rows });
    };

    const operate = async () => {
      await sleep(random() * spreadMs);
      const to = Math.floor(random() * count);
      const key = keys[Math.floor(random() * keys.length)];
      if (chance(0.65)) return read(key, to, 'read');
      if (chance(0.3)) return write(`/groups/${group}`, to);
      return write(`/rows/${key}`, to);
    };

    await Promise.all(Array.from({ length: ops }, operate));
    await barrier(`round ${round}`);
    await Promise.all(keys.map((key) => read(key, index, 'quiet')));
    if (endsAtStale && stale.length > 0) send({ stale });
    await barrier(`checked ${round}`);
  }
  const { stored, refused } = cache.stats();
  agent.destroy();
  server.closeAllConnections();
  server.close();
  return { stale, stats: { ...seen, stored, refused } };
});
