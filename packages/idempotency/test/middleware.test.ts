import { setTimeout as sleep } from 'node:timers/promises';
import { countCommands, eventually, faultProxy, race, settableClock } from '@turnpike/test-kit';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { describe, expect, it, vi } from 'vitest';
import { type IdempotencyMiddleware, type IdempotencyOptions, idempotency, passProblem } from '../src/index.ts';
import { EXPRESSES, type Sent, eventsSeen, gate, options, serve } from './app.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const once = (more: Partial<IdempotencyOptions> = {}): IdempotencyMiddleware =>
  idempotency(options(it_.clients.client(), it_.clients.prefix, more));

const keyed = (key: string, body: unknown = { item: 'mug' }, headers = {}): Sent => ({
  headers: { 'Idempotency-Key': key, ...headers },
  body,
});

describe.each(EXPRESSES)('%s', (_version, express) => {
  /** An app of one route, the times it ran, and what went wrong in it. */
  async function shop(
    middleware: IdempotencyMiddleware,
    handler: (req: Request, res: Response) => unknown,
    { parser = express.json() as RequestHandler, before = [] as RequestHandler[] } = {},
  ) {
    const seen = { runs: 0, errors: [] as { code?: string; message: string; status?: number }[] };
    const app: Express = express();
    for (const one of before) app.use(one);
    app.all(['/orders', '/orders/:id/pay'], parser, middleware, (req, res, next) => {
      seen.runs += 1;
      // What Express 5 does by itself.
      Promise.resolve()
        .then(() => handler(req, res))
        .catch(next);
    });
    const failed: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, next) => {
      seen.errors.push(error);
      if (res.headersSent) next(error);
      else res.status(error.status ?? 500).json({ said: 'sorry' });
    };
    app.use(failed);
    return { seen, post: await serve(app) };
  }
  const created = (_req: Request, res: Response): void =>
    void res.status(201).location('/orders/7').json({ order: 7, made: Math.random() });

  describe('a key', () => {
    it('is one run for 20 requests at once; the others are told when to come back', async () => {
      const others = gate();
      const { seen, post } = await shop(once(), async (req, res) => {
        await others.opened;
        created(req, res);
      });
      let answered = 0;
      const answers = await race(20, async () => {
        const answer = await post('/orders', keyed('k'));
        if (++answered === 19) others.open();
        return answer;
      });
      expect(seen.runs).toBe(1);
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      const told = answers.filter(({ status }) => status === 409);
      expect(told).toHaveLength(19);
      for (const { headers, json } of told) {
        expect(headers['retry-after']).toBe('1');
        expect(headers['cache-control']).toBe('no-store');
        expect(headers['content-type']).toBe('application/problem+json');
        expect(json).toMatchObject({ status: 409, code: 'idempotency_in_flight', title: 'Conflict' });
      }
    });

    it('is one run for 20 that wait, and the same bytes for all', async () => {
      const { seen, post } = await shop(once({ whileInFlight: 'wait' }), async (req, res) => {
        await sleep(50);
        created(req, res);
      });
      const answers = await race(20, () => post('/orders', keyed('k')));
      expect(seen.runs).toBe(1);
      expect(new Set(answers.map(({ status, bytes }) => `${status} ${bytes.toString()}`)).size).toBe(1);
      expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(19);
    });

    it('is waited for no longer than waitMs, also after the app was asked about a run before it', async () => {
      const going = gate();
      const onInDoubt = async () => {
        await sleep(150);
        return 'not-done' as const;
      };
      const { seen, post } = await shop(once({ whileInFlight: 'wait', waitMs: 300, onInDoubt }), async (_req, res) => {
        if (seen.runs === 2) await going.opened;
        res.status(seen.runs === 1 ? 500 : 201).end();
      });
      await post('/orders', keyed('k'));
      const rerun = post('/orders', keyed('k'));
      const startedAt = performance.now();
      expect((await post('/orders', keyed('k'))).json.code).toBe('idempotency_in_flight');
      expect(performance.now() - startedAt).toBeLessThan(440);
      going.open();
      expect((await rerun).status).toBe(201);
    });

    it('is waited for no longer than waitMs, and by nobody who has hung up', async () => {
      const going = gate();
      const { seen, post } = await shop(once({ whileInFlight: 'wait', waitMs: 150 }), async (_req, res) => {
        if (seen.runs === 1) await going.opened;
        res.status(429).end();
      });
      const first = post('/orders', keyed('k'));
      await eventually(() => seen.runs === 1);
      const startedAt = performance.now();
      expect((await post('/orders', keyed('k'))).json).toMatchObject({ code: 'idempotency_in_flight' });
      expect(performance.now() - startedAt).toBeGreaterThan(140);
      const gone = new AbortController();
      const hungUp = post('/orders', { ...keyed('k'), signal: gone.signal });
      await sleep(40);
      gone.abort();
      await expect(hungUp).rejects.toThrow('aborted');
      going.open();
      expect((await first).status).toBe(429);
      await sleep(200);
      expect(seen.runs).toBe(1);
    });

    it('of two users is two keys; so it is on two paths, and with two methods', async () => {
      const { seen, post } = await shop(
        once({ scope: (req) => String(req.headers['user']) }),
        (req, res) => void res.json({ user: req.headers['user'], path: req.path, method: req.method }),
      );
      const as = (user: string, path = '/orders', method = 'POST') =>
        post(path, { ...keyed('k', { a: 1 }, { user }), method });
      const requests: [string, string?, string?][] = [
        ['ann'],
        ['bob'],
        ['ann', '/orders/1/pay'],
        ['ann', '/orders/2/pay'],
        ['ann', '/orders', 'PATCH'],
      ];
      for (const [user, path = '/orders', method = 'POST'] of [...requests, ...requests]) {
        expect((await as(user, path, method)).json).toEqual({ user, path, method });
      }
      expect(seen.runs).toBe(requests.length);
    });

    it('with another payload is refused: while the first runs, after it, and where it is in doubt', async () => {
      const going = gate();
      const { seen, post } = await shop(once(), async (req, res) => {
        if (seen.runs === 1) await going.opened;
        res.status(req.body.fail ? 500 : 201).end();
      });
      const refused = async (key: string): Promise<void> => {
        const { status, json } = await post('/orders', keyed(key, { item: 'lamp' }));
        expect([status, json.code]).toEqual([422, 'idempotency_key_reused']);
      };
      const first = post('/orders', keyed('k'));
      await eventually(() => seen.runs === 1);
      await refused('k');
      going.open();
      await first;
      await refused('k');
      await post('/orders', keyed('doubt', { fail: true }));
      await refused('doubt');
      expect(seen.runs).toBe(2);
    });

    it('is the same quoted and bare, and its members may come in another order', async () => {
      const { seen, post } = await shop(once(), created);
      const first = await post('/orders', keyed('"k"', { a: 1, b: { c: 2, d: 3 } }));
      const second = await post('/orders', keyed('k', { b: { d: 3, c: 2 }, a: 1 }));
      expect(second.bytes).toEqual(first.bytes);
      expect(seen.runs).toBe(1);
    });

    it.each([
      ['unterminated', '"abc'],
      ['on two lines', ['a', 'b']],
      ['the same on two lines', ['a', 'a']],
      ['empty', ''],
      ['of 300 characters', 'k'.repeat(300)],
      ['with a control character', 'a\tb'],
    ])('that is %s is a bad request', async (_what, key) => {
      const { seen, post } = await shop(once(), created);
      const { status, json } = await post('/orders', keyed(key as string));
      expect([status, json.code]).toEqual([400, 'idempotency_key_malformed']);
      expect(seen.runs).toBe(0);
    });

    it('that is missing is a bad request; where it is not required, every request is a run with an id of its own', async () => {
      const strict = await shop(once(), created);
      const { status, json } = await strict.post('/orders', { body: {} });
      expect([status, json.code]).toEqual([400, 'idempotency_key_missing']);
      expect(strict.seen.runs).toBe(0);

      const lax = once({ required: false });
      const { post } = await shop(lax, (req, res) => {
        expect(lax.of(req)).toEqual({ ...lax.of(req) });
        expect(lax.of(req).signal).toBe(lax.of(req).signal);
        res.json(lax.of(req));
      });
      const [one, two] = [await post('/orders', { body: {} }), await post('/orders', { body: {} })];
      expect(one.json).toMatchObject({ id: expect.stringMatching(/^[\w-]{43}$/), fence: 0, isProtected: false });
      expect(two.json.id).not.toBe(one.json.id);
    });

    it('is not asked for by methods it is not for', async () => {
      const middleware = once();
      const { seen, post } = await shop(middleware, (req, res) => void res.json({ id: middleware.of(req).id }));
      for (const method of ['GET', 'PUT', 'DELETE']) expect((await post('/orders', { method })).status).toBe(200);
      expect(seen.runs).toBe(3);
      const put = await shop(once({ methods: ['PUT'] }), created);
      expect((await put.post('/orders', { method: 'PUT' })).status).toBe(400);
      expect((await put.post('/orders', { method: 'POST' })).status).toBe(201);
    });

    it('may be derived: the same basket is one order, and another one when its record has gone', async () => {
      const middleware = once({ key: (req) => JSON.stringify(req.body), ttlMs: 1000 });
      const { seen, post } = await shop(middleware, (req, res) => void res.json({ id: middleware.of(req).id }));
      const first = await post('/orders', { body: { item: 'mug' } });
      expect((await post('/orders', { body: { item: 'mug' } })).json).toEqual(first.json);
      await post('/orders', { body: { item: 'lamp' } });
      expect(seen.runs).toBe(2);
      await sleep(1050);
      const later = await post('/orders', { body: { item: 'mug' } });
      expect(seen.runs).toBe(3);
      expect(later.json.id).not.toBe(first.json.id);
    });
  });

  describe('an answer', () => {
    it.each([
      ['200', 200],
      ['303', 303],
      ['404', 404],
      ['422', 422],
    ])('%s is kept', async (_what, status) => {
      const { seen, post } = await shop(once(), (_req, res) => void res.status(status).json({ n: seen.runs }));
      for (const replayed of [undefined, 'true', 'true']) {
        const answer = await post('/orders', keyed('k'));
        expect([answer.status, answer.json, answer.headers['idempotent-replayed']]).toEqual([
          status,
          { n: 1 },
          replayed,
        ]);
      }
    });

    it.each([408, 409, 425, 429])('%i lets the retry run', async (status) => {
      const { seen, post } = await shop(once(), (_req, res) => void res.status(seen.runs === 1 ? status : 201).end());
      expect((await post('/orders', keyed('k'))).status).toBe(status);
      expect((await post('/orders', keyed('k'))).status).toBe(201);
      expect((await post('/orders', keyed('k'))).status).toBe(201);
      expect(seen.runs).toBe(2);
    });

    it.each<[string, (req: Request, res: Response) => unknown]>([
      ['of 500', (_req, res) => void res.status(500).json({})],
      ['of a handler that throws', () => Promise.reject(new Error('the database is gone'))],
    ])('%s is in doubt: the retry is told so, and does not run', async (_what, handler) => {
      const { seen, post } = await shop(once(), handler);
      expect((await post('/orders', keyed('k'))).status).toBe(500);
      const { status, json, headers } = await post('/orders', keyed('k'));
      expect([status, json.code, json['first-status']]).toEqual([409, 'outcome_unknown', 500]);
      expect(headers['retry-after']).toBeUndefined();
      expect(seen.runs).toBe(1);
    });

    it('of which the handler knows that nothing happened lets the retry run, whatever it says', async () => {
      const middleware = once();
      const { seen, post } = await shop(middleware, (req, res) => {
        if (seen.runs === 1) middleware.of(req).release();
        res.status(seen.runs === 1 ? 503 : 201).end();
      });
      expect((await post('/orders', keyed('k'))).status).toBe(503);
      expect((await post('/orders', keyed('k'))).status).toBe(201);
    });

    it('means what outcome says it means; what throws says nothing', async () => {
      const outcome = (status: number) => {
        if (status === 418) throw new Error('no tea');
        if (status === 400) return Promise.resolve('keep') as never;
        return status === 503 ? 'release' : status === 404 ? 'in-doubt' : 'keep';
      };
      const { seen, post } = await shop(once({ outcome }), (req, res) => void res.status(req.body.status).end());
      const twice = async (status: number): Promise<[number, number]> => {
        const before = seen.runs;
        await post('/orders', keyed(`k${status}`, { status }));
        const retried = await post('/orders', keyed(`k${status}`, { status }));
        return [retried.status, seen.runs - before];
      };
      const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      expect(await twice(503)).toEqual([503, 2]);
      expect(await twice(404)).toEqual([409, 1]);
      expect(await twice(500)).toEqual([500, 1]);
      expect(await twice(418)).toEqual([409, 1]);
      expect(await twice(400)).toEqual([409, 1]);
      expect(warned).toHaveBeenCalledTimes(2);
      warned.mockRestore();
    });

    it('over the cap reaches its client whole; the retry is told that it is done, and where, and does not run', async () => {
      const body = 'x'.repeat(5000);
      const { seen, post } = await shop(
        once({ maxBytes: 4096 }),
        (_req, res) => void res.status(201).location('/orders/7').send(body),
      );
      expect(String((await post('/orders', keyed('k'))).bytes)).toBe(body);
      const { status, json, headers } = await post('/orders', keyed('k'));
      expect([status, json.code, json['first-status']]).toEqual([409, 'answer_not_kept', 201]);
      expect(headers['location']).toBe('/orders/7');
      expect(seen.runs).toBe(1);
    });

    it('has its cookies once: a replay signs nobody in', async () => {
      const { post } = await shop(once(), (_req, res) => void res.cookie('sid', 'secret').json({}));
      expect((await post('/orders', keyed('k'))).headers['set-cookie']).toHaveLength(1);
      expect((await post('/orders', keyed('k'))).headers['set-cookie']).toBeUndefined();
    });

    it('of a handler that throws afterwards is the answer, and is replayed', async () => {
      const { seen, post } = await shop(once(), (req, res) => {
        created(req, res);
        throw new Error('too late');
      });
      const first = await post('/orders', keyed('k'));
      expect(first.status).toBe(201);
      expect((await post('/orders', keyed('k'))).bytes).toEqual(first.bytes);
      expect(seen.runs).toBe(1);
    });

    it('is finished and kept for the retry of a client who hung up', async () => {
      const going = gate();
      const { seen, post } = await shop(once(), async (req, res) => {
        await going.opened;
        created(req, res);
      });
      const gone = new AbortController();
      const hungUp = post('/orders', { ...keyed('k'), signal: gone.signal });
      await eventually(() => seen.runs === 1);
      gone.abort();
      await expect(hungUp).rejects.toThrow('aborted');
      await sleep(20);
      going.open();
      await eventually(async () => expect((await post('/orders', keyed('k'))).status).toBe(201));
      expect(seen.runs).toBe(1);
    });
  });

  describe('a run', () => {
    it('of three leases is one run', async () => {
      const { seen, post } = await shop(once({ leaseMs: 400 }), async (req, res) => {
        await sleep(1200);
        created(req, res);
      });
      const first = post('/orders', keyed('k'));
      await eventually(() => seen.runs === 1);
      const until = performance.now() + 1100;
      while (performance.now() < until) {
        expect((await post('/orders', keyed('k'))).json.code).toBe('idempotency_in_flight');
        await sleep(25);
      }
      expect((await first).status).toBe(201);
      expect((await post('/orders', keyed('k'))).bytes).toEqual((await first).bytes);
      expect(seen.runs).toBe(1);
    });

    it('that does not end is in doubt after maxRunMs; its signal says so, and what it answers late is kept', async () => {
      const middleware = once({ maxRunMs: 100, leaseMs: 60_000 });
      const late = gate();
      const events = eventsSeen();
      let reason: unknown;
      const { seen, post } = await shop(middleware, async (req, res) => {
        const { signal } = middleware.of(req);
        signal.addEventListener('abort', () => (reason = signal.reason));
        await late.opened;
        created(req, res);
      });
      const first = post('/orders', keyed('k'));
      await eventually(async () =>
        expect((await post('/orders', keyed('k'))).json).toMatchObject({
          code: 'outcome_unknown',
          detail: expect.stringContaining('ended without an answer'),
        }),
      );
      expect(reason).toMatchObject({ code: 'ERR_TURNPIKE_RUN_EXPIRED' });
      expect(events).toContain('expired');
      late.open();
      expect((await first).status).toBe(201);
      expect((await post('/orders', keyed('k'))).bytes).toEqual((await first).bytes);
      expect(seen.runs).toBe(1);
    });

    it('does not begin when somebody has answered while it was claimed', async () => {
      const events = eventsSeen();
      const { seen, post } = await shop(once(), created, {
        before: [(_req, res, next) => void (next(), res.headersSent || res.status(503).end('too slow'))],
        parser: (_req, _res, next) => next(),
      });
      expect((await post('/orders', { headers: { 'Idempotency-Key': 'k' } })).status).toBe(503);
      await eventually(() => expect(events).toEqual(['run', 'released']));
      expect(seen.runs).toBe(0);
      expect(await it_.clients.scan('*')).toEqual([]);
    });

    it('has an id that is stable, and a fence that rises', async () => {
      const middleware = once({ onInDoubt: 'rerun' });
      const runs: { id: string; fence: number; isProtected: boolean }[] = [];
      const { post } = await shop(middleware, (req, res) => {
        const { id, fence, isProtected } = middleware.of(req);
        runs.push({ id, fence, isProtected });
        res.status(runs.length < 3 ? 500 : 201).end();
      });
      for (const status of [500, 500, 201, 201]) expect((await post('/orders', keyed('k'))).status).toBe(status);
      expect(runs).toHaveLength(3);
      expect(new Set(runs.map(({ id }) => id)).size).toBe(1);
      expect(runs[0]?.id).toMatch(/^[\w-]{43}$/);
      expect(runs.map(({ fence }) => fence)).toEqual(runs.map(({ fence }) => fence).toSorted((one, two) => one - two));
      expect(runs.every(({ isProtected }) => isProtected)).toBe(true);
    });
  });

  describe('what is in doubt', () => {
    const failing = (more: Partial<IdempotencyOptions>) => {
      const middleware = once(more);
      const ids: string[] = [];
      const app = shop(middleware, (req, res) => {
        ids.push(middleware.of(req).id);
        res.status(ids.length === 1 ? 502 : 201).json({ n: ids.length });
      });
      return app.then((it) => ({ ...it, ids }));
    };

    it('is answered with what the app knows, from then on', async () => {
      const asked: unknown[] = [];
      const { ids, post } = await failing({
        onInDoubt: (doubt) => {
          asked.push(doubt);
          return { status: 201, headers: { Location: '/orders/7' }, body: { order: 7 } };
        },
      });
      await post('/orders', keyed('k'));
      for (let n = 0; n < 3; n += 1) {
        const { status, headers, json } = await post('/orders', keyed('k'));
        expect([status, headers['location'], json]).toEqual([201, '/orders/7', { order: 7 }]);
        expect(headers['idempotent-replayed']).toBe('true');
        expect(headers['content-type']).toBe('application/json; charset=utf-8');
      }
      expect(asked).toEqual([{ id: ids[0], fence: expect.any(Number), firstStatus: 502 }]);
      expect(ids).toHaveLength(1);
    });

    it('is answered with what the app knows also where Redis has gone meanwhile', async () => {
      await using proxy = await faultProxy(it_.server);
      const redis = it_.clients.client({ host: proxy.host, port: proxy.port });
      await redis.ping();
      const onInDoubt = () => {
        proxy.refuse();
        return { status: 204 };
      };
      const { post } = await shop(once({ redis, onInDoubt }), (_req, res) => void res.status(500).end());
      await post('/orders', keyed('k'));
      expect((await post('/orders', keyed('k'))).status).toBe(204);
    });

    it('is answered with what is stored where the run has ended meanwhile', async () => {
      const [ending, looking] = [gate(), gate()];
      const onInDoubt = async () => {
        ending.open();
        await looking.opened;
        return { status: 200, body: 'looked up' };
      };
      const { seen, post } = await shop(once({ onInDoubt, maxRunMs: 60 }), async (_req, res) => {
        await ending.opened;
        res.status(201).send('by the handler');
      });
      const first = post('/orders', keyed('k'));
      await eventually(() => seen.runs === 1);
      await sleep(100);
      const retry = post('/orders', keyed('k'));
      expect((await first).status).toBe(201);
      looking.open();
      expect(String((await retry).bytes)).toBe('by the handler');
      expect(String((await post('/orders', keyed('k'))).bytes)).toBe('by the handler');
    });

    it.each<[string, unknown, string | undefined]>([
      ['Set-Cookie', 'sid=1', 'left out'],
      ['Transfer-Encoding', 'chunked', 'left out'],
      ['Location', undefined, 'left out'],
      ['X-Order', 7, '7'],
      ['Location', '/orders/\u0142', undefined],
    ])('answered with %s: %j', async (name, value, sent) => {
      const onInDoubt = () => ({ status: 201, headers: { [name]: value } as never });
      const { seen, post } = await failing({ onInDoubt });
      await post('/orders', keyed('k'));
      for (let n = 0; n < 2; n += 1) {
        const { status, headers } = await post('/orders', keyed('k'));
        expect(status).toBe(sent === undefined ? 500 : 201);
        if (name !== 'Transfer-Encoding') expect(headers[name.toLowerCase()]).toBe(sent === '7' ? '7' : undefined);
      }
      expect(seen.errors.map(({ code }) => code)).toEqual(
        sent === undefined ? Array(2).fill('ERR_TURNPIKE_CALLBACK') : [],
      );
    });

    it('is run again, once, where the app knows that it was not done', async () => {
      const { ids, post } = await failing({ onInDoubt: () => Promise.resolve('not-done') });
      await post('/orders', keyed('k'));
      const answers = await race(10, () => post('/orders', keyed('k')));
      expect(ids).toHaveLength(2);
      expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
      expect((await post('/orders', keyed('k'))).json).toEqual({ n: 2 });
    });

    it('stays so where the app does not know either, or fails at finding out', async () => {
      const said: (() => never | 'unknown')[] = [
        () => 'unknown',
        () => {
          throw new Error('the database is gone');
        },
        () => ({ status: 'odd' }) as never,
        () => undefined as never,
      ];
      const { seen, ids, post } = await failing({ onInDoubt: () => said.shift()?.() ?? ('huh' as never) });
      await post('/orders', keyed('k'));
      expect((await post('/orders', keyed('k'))).json.code).toBe('outcome_unknown');
      for (let n = 0; n < 4; n += 1) expect((await post('/orders', keyed('k'))).status).toBe(500);
      expect(ids).toHaveLength(1);
      expect(seen.errors.map(({ code }) => code)).toEqual([undefined, ...Array(3).fill('ERR_TURNPIKE_CALLBACK')]);
    });

    it('is run again by one of those who ask at once, under rerun', async () => {
      const { ids, post } = await failing({ onInDoubt: 'rerun' });
      await post('/orders', keyed('k'));
      await race(20, () => post('/orders', keyed('k')));
      expect(ids).toHaveLength(2);
    });
  });

  describe('a wrong set-up', () => {
    it.each<[string, Partial<IdempotencyOptions>, string]>([
      ['scope', { scope: () => undefined as never }, 'ERR_TURNPIKE_SCOPE'],
      ['key', { key: () => '' }, 'ERR_TURNPIKE_KEY'],
    ])('of %s is an error, and no run', async (_what, more, code) => {
      const { seen, post } = await shop(once(more), created);
      expect((await post('/orders', keyed('k'))).status).toBe(500);
      expect(seen).toMatchObject({ runs: 0, errors: [{ code }] });
    });

    it.each([undefined, 'route', 'router'])('is a function that throws %j: an error, and no run', async (thrown) => {
      const scope = (): never => {
        throw thrown as unknown as Error;
      };
      const { seen, post } = await shop(once({ scope }), created);
      expect((await post('/orders', keyed('k'))).status).toBe(500);
      expect(seen).toMatchObject({ runs: 0, errors: [{ code: 'ERR_TURNPIKE_CALLBACK' }] });
    });

    it('is a body that nobody has parsed, before anything runs', async () => {
      const { seen, post } = await shop(once(), created, { parser: (_req, _res, next) => next() });
      expect((await post('/orders', keyed('k', { item: 'mug' }))).status).toBe(500);
      expect(seen.errors).toMatchObject([{ code: 'ERR_TURNPIKE_BODY_UNPARSED' }]);
      const typed = await shop(once(), created);
      const text = { headers: { 'Idempotency-Key': 'k', 'Content-Type': 'text/plain' }, body: 'mug' };
      expect((await typed.post('/orders', text)).status).toBe(500);
      expect(typed.seen).toMatchObject({ runs: 0, errors: [{ code: 'ERR_TURNPIKE_BODY_UNPARSED' }] });
      expect((await typed.post('/orders', { headers: { 'Idempotency-Key': 'empty' } })).status).toBe(201);
    });

    it('of another program’s key is an error, which no policy hides', async () => {
      const middleware = once({ onStoreError: 'allow' });
      const { seen, post } = await shop(middleware, created);
      await post('/orders', keyed('k'));
      const [key = ''] = await it_.clients.scan('*');
      await it_.clients.client().set(key, 'mine', 'PX', 60_000);
      expect((await post('/orders', keyed('k'))).status).toBe(503);
      expect(seen.errors).toMatchObject([{ code: 'ERR_TURNPIKE_STORE_CONFIGURATION' }]);
      expect(seen.runs).toBe(1);
    });
  });

  it('finds the key also where a request was put together by hand, without lines', async () => {
    const middleware = once();
    const { seen, post } = await shop(middleware, created, {
      before: [
        (req, _res, next) => {
          req.headers['idempotency-key'] = 'renamed';
          next();
        },
      ],
    });
    expect((await post('/orders', { body: {} })).status).toBe(201);
    expect((await post('/orders', { body: {} })).headers['idempotent-replayed']).toBe('true');
    expect(seen.runs).toBe(1);
  });

  it.each<[string, RequestHandler, Record<string, string>, string, string]>([
    [
      'a form',
      express.urlencoded({ extended: false }),
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      'a=1',
      'a=2',
    ],
    ['text', express.text(), { 'Content-Type': 'text/plain' }, 'one', 'two'],
    ['bytes', express.raw(), { 'Content-Type': 'application/octet-stream' }, 'one', 'two'],
  ])('tells payloads apart that are %s', async (_what, parser, headers, one, other) => {
    const { post } = await shop(once(), created, { parser });
    const send = (body: string) => post('/orders', { headers: { 'Idempotency-Key': 'k', ...headers }, body });
    expect((await send(one)).status).toBe(201);
    expect((await send(one)).headers['idempotent-replayed']).toBe('true');
    expect((await send(other)).status).toBe(422);
  });

  it('mounted twice is mounted once', async () => {
    const middleware = once();
    const { seen, post } = await shop(
      middleware,
      (req, res) => void res.json({ isProtected: middleware.of(req).isProtected }),
      {
        before: [express.json(), middleware],
      },
    );
    expect((await post('/orders', keyed('k'))).json).toEqual({ isProtected: true });
    expect((await post('/orders', keyed('k'))).status).toBe(200);
    expect(seen.runs).toBe(1);
  });

  it('refuses a body without a canonical form', async () => {
    const { seen, post } = await shop(once(), created);
    const { status, json } = await post('/orders', keyed('k', undefined, { 'Content-Type': 'application/json' }));
    expect(status).toBe(201);
    const odd: Sent = {
      headers: { 'Idempotency-Key': 'odd', 'Content-Type': 'application/json' },
      body: String.raw`{"a":"\ud800"}`,
    };
    const refused = await post('/orders', odd);
    expect([refused.status, refused.json.code, seen.runs]).toEqual([400, 'idempotency_body_unreadable', 1]);
    expect(json).toBeDefined();
  });

  it('hands refusals to the app with passProblem', async () => {
    const { seen, post } = await shop(once({ onProblem: passProblem }), created);
    const { status, json } = await post('/orders', { body: {} });
    expect([status, json]).toEqual([400, { said: 'sorry' }]);
    expect(seen.errors).toMatchObject([{ code: 'ERR_TURNPIKE_REFUSED', problem: { code: 'idempotency_key_missing' } }]);
  });
});

const [[, express]] = EXPRESSES as [(typeof EXPRESSES)[number]];

it('leaves neither key nor body in the names of keys and in events, and the key nowhere', async () => {
  const middleware = once({ scope: () => 'ann@example.com' });
  const app = express().post('/orders', express.json(), middleware, (_req, res) => void res.json({ order: 7 }));
  const post = await serve(app);
  const events = eventsSeen();
  await post('/orders', keyed('secret-key', { card: '4111111111111111' }));
  await post('/orders', keyed('secret-key', { card: '4111111111111111' }));
  const [key = '', ...others] = await it_.clients.scan('*');
  expect(others).toEqual([]);
  const dump = key + String(await it_.clients.client().getBuffer(key));
  for (const secret of ['secret-key', '4111', 'ann@']) expect(dump).not.toContain(secret);
  expect(events).toEqual(['run', 'kept', 'replay']);
});

it('asks Redis once to claim, once to keep and once to replay', async () => {
  const redis = it_.clients.client();
  await redis.ping();
  const middleware = idempotency(options(redis, it_.clients.prefix));
  const app = express().post('/orders', express.json(), middleware, (_req, res) => void res.json({ order: 7 }));
  const post = await serve(app);
  for (const key of ['warm', 'warm']) await post('/orders', keyed(key));
  await sleep(20);
  expect(await countCommands(it_.server, () => post('/orders', keyed('k')))).toHaveLength(2);
  expect(await countCommands(it_.server, () => post('/orders', keyed('k')))).toHaveLength(1);
});

it('tells a retry to come back after as long again as the run has taken', async () => {
  const clock = await settableClock(it_.clients.client());
  const [here, there] = [clock.client, clock.client].map(
    (redis) => idempotency(options(redis, it_.clients.prefix)).ledger,
  );
  await here?.claim({ id: 'order', print: 'a' });
  for (const [ms, retryAfterMs] of [
    [200, 1000],
    [11_800, 12_000],
    [8_000, 10_000],
  ] as const) {
    await clock.advance(ms);
    expect(await there?.claim({ id: 'order', print: 'a' })).toEqual({ kind: 'in-flight', retryAfterMs });
  }
});

it('is told of once by an event, however often it is asked while it waits', async () => {
  const events = eventsSeen();
  const middleware = once({ whileInFlight: 'wait' });
  const there = once();
  const app = express().post('/orders', middleware, (_req, res) => void res.status(201).end());
  const post = await serve(app);
  let isOver = false;
  const first = express().post('/orders', there, async (_req, res) => {
    await eventually(() => isOver);
    res.status(201).end();
  });
  const elsewhere = (await serve(first))('/orders', { headers: { 'Idempotency-Key': 'k' } });
  await eventually(() => expect(events).toEqual(['run']));
  const waiting = post('/orders', { headers: { 'Idempotency-Key': 'k' } });
  await sleep(300);
  isOver = true;
  await Promise.all([elsewhere, waiting]);
  expect(events).toEqual(['run', 'in-flight', 'kept', 'replay']);
});

it('says once that Redis may evict what must not be forgotten', async () => {
  const admin = it_.clients.client();
  await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  try {
    const post = await serve(express().post('/orders', once(), (_req, res) => void res.end()));
    for (const key of ['a', 'b']) await post('/orders', { headers: { 'Idempotency-Key': key } });
    await eventually(() => expect(warned).toHaveBeenCalledTimes(1));
    expect(warned.mock.calls[0]).toMatchObject([
      expect.stringContaining('allkeys-lru'),
      { code: 'TURNPIKE_WARN_EVICTION' },
    ]);
  } finally {
    warned.mockRestore();
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
  }
});
