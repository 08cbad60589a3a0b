// One process of the race: in every round all its callers send one key at once, over HTTP to its own app.
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { idempotency } from '@turnpike/idempotency';
import { runMember } from '@turnpike/test-kit';
import express from 'express';
import { Redis } from 'ioredis';
import { listen } from './listen.mjs';

/** How long the handler takes, so that others come while it runs. */
const HANDLER_MS = 20;

await runMember(async ({ index, args, barrier }) => {
  const { url, prefix, keys, callers, areInDoubt, options } = args;
  const redis = new Redis(url);
  const once = idempotency({ redis, prefix, scope: 'public', deadlineMs: 60_000, ...options });
  const runs = Array.from({ length: keys }, () => 0);

  const app = express();
  app.get('/', (_req, res) => void res.end());
  app.post('/orders', express.json(), once, async (req, res) => {
    if (req.headers['x-fails']) return void res.sendStatus(500);
    runs[req.body.cart] += 1;
    await sleep(HANDLER_MS);
    res.status(201).json({ order: randomUUID(), cart: req.body.cart });
  });
  const port = await listen(app);
  const agent = new Agent({ keepAlive: true, maxSockets: callers });

  const send = (method, path, headers = {}, body = '') =>
    new Promise((resolve, reject) => {
      request({ port, host: '127.0.0.1', method, path, agent, headers }, (res) => {
        text(res).then((body) => resolve({ status: res.statusCode, headers: res.headers, body }), reject);
      })
        .on('error', reject)
        .end(body);
    });
  const order = (cart, headers = {}) =>
    send(
      'POST',
      '/orders',
      { 'content-type': 'application/json', 'idempotency-key': `cart-${cart}`, ...headers },
      JSON.stringify({ cart }),
    );
  /** Where Redis was slow, the answer was out before it was stored, which then follows. */
  const afterwards = async (cart) => {
    for (const givesUpAt = performance.now() + 20_000; ; await sleep(50)) {
      const answer = await order(cart);
      if (answer.status !== 409 || performance.now() > givesUpAt) return answer;
    }
  };
  const byAll = (call) => Promise.all(Array.from({ length: callers }, call));

  // The connections are there before the race.
  await byAll(() => send('GET', '/'));
  const rounds = [];
  for (let cart = 0; cart < keys; cart += 1) {
    if (areInDoubt && index === 0) await order(cart, { 'x-fails': 'yes' });
    await barrier('start');
    const answers = await byAll(() => order(cart));
    await barrier('end');
    answers.push(await afterwards(cart));
    rounds.push({ runs: runs[cart], ...summaryOf(answers) });
  }
  agent.destroy();
  redis.disconnect();
  return rounds;
});

/** What callers were answered, each word once: thousands of equal answers need not travel. */
function summaryOf(answers) {
  const summary = { firsts: 0, replays: 0, conflicts: 0, orders: [], others: [] };
  for (const { status, headers, body } of answers) {
    if (status === 201) {
      summary[headers['idempotent-replayed'] === 'true' ? 'replays' : 'firsts'] += 1;
      if (!summary.orders.includes(body)) summary.orders.push(body);
    } else if (
      status === 409 &&
      JSON.parse(body).code === 'idempotency_in_flight' &&
      isSeconds(headers['retry-after'])
    ) {
      summary.conflicts += 1;
    } else summary.others.push(`${status} ${headers['retry-after']} ${body}`);
  }
  return summary;
}

function isSeconds(header) {
  return /^[1-9]\d*$/.test(header ?? '');
}
