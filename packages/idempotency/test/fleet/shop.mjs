// A shop in one process. It stops where a request tells it to, and keeps its orders in the parent, as in a database that
// outlives it.
import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { idempotency } from '@turnpike/idempotency';
import { runMember } from '@turnpike/test-kit';
import express from 'express';
import { Redis } from 'ioredis';
import { listen } from './listen.mjs';

await runMember(async ({ index, args, send, onMessage }) => {
  const { url, prefix, options } = args;
  const redis = new Redis(url);
  const once = idempotency({ redis, prefix, scope: 'public', deadlineMs: 10_000, ...options });
  subscribe('turnpike:idempotency', ({ type }) => send({ kind: 'event', type }));

  const waiting = new Map();
  onMessage(({ to, value }) => waiting.get(to)?.(value));

  /** Resolves to what the parent answers. */
  let asked = 0;
  const ask = (question) =>
    new Promise((resolve) => {
      const replyTo = `${index}.${(asked += 1)}`;
      waiting.set(replyTo, resolve);
      send({ ...question, replyTo });
    });
  const database = {
    begin: (cart) => ask({ kind: 'begin', cart }),
    insert: (id, cart) => ask({ kind: 'insert', id, cart }),
    select: (id) => ask({ kind: 'select', id }),
  };

  /** Says that the request has come to `point`, and goes on when the parent says so, if it was told to stop there. */
  const reach = async (point, req) => {
    if (req.headers['x-stop-at'] === point) await ask({ kind: 'reached', point, cart: req.headers['x-cart'] });
  };

  const app = express();
  app.post(
    '/orders',
    async (req, _res, next) => {
      await reach('before the claim', req);
      next();
    },
    express.json(),
    once,
    async (req, res) => {
      const { cart } = req.body;
      const { id, signal } = once.of(req);
      signal.addEventListener('abort', () => send({ kind: 'aborted', cart }));
      await reach('after the claim', req);
      await database.begin(cart);
      await reach('mid-effect', req);
      const order = (await database.insert(id, cart)) ?? (await database.select(id));
      await reach('after the effect', req);
      if (req.headers['x-stop-at']?.startsWith('during the store')) stopDuringStore(req);
      if (req.headers['x-ends'] === 'release') once.of(req).release();
      if (req.headers['x-ends'] === 'failure') return void res.status(500).json(order);
      res.status(201).location(`/orders/${order.number}`).json(order);
    },
  );

  /** The next answer to be stored: its command is not sent, or is sent, or has been executed, when the process stands still. */
  function stopDuringStore(req) {
    const { 'x-stop-at': point, 'x-cart': cart } = req.headers;
    for (const name of ['eval', 'evalsha']) {
      const command = redis[name].bind(redis);
      redis[name] = async (...given) => {
        if (!given.includes('done')) return command(...given);
        if (!point.endsWith('not sent')) {
          const stored = command(...given);
          if (point.endsWith('executed')) await stored;
        }
        send({ kind: 'reached', point, cart });
        // Time for the message and the command to leave, and less than the answer is held back for.
        await sleep(20);
        standStill();
      };
    }
  }

  send({ kind: 'listening', port: await listen(app) });
  await new Promise(() => undefined);
});

/** Not even timers run any more. */
function standStill() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
