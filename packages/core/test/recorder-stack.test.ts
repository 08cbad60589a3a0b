import { setTimeout as sleep } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import compression from 'compression';
import session from 'express-session';
import onHeaders from 'on-headers';
import { describe, expect, it } from 'vitest';
import { type Completion, type Ended, onEnd, record, replay } from '../src/http/index.ts';
import {
  type Answer,
  EXPRESSES,
  type Handler,
  afterFailures,
  appOf,
  exchange,
  lasting,
  serve,
} from './recorder-app.ts';

const TEXT = 'so much text that it is worth compressing. '.repeat(100);

/** Middlewares that hook into the response as we do. */
const zip = (): Handler => compression({ threshold: 100 }) as Handler;

class SlowStore extends session.MemoryStore {
  override set(...[id, data, callback]: Parameters<session.MemoryStore['set']>): void {
    void sleep(20).then(() => super.set(id, data, callback));
  }
}

const sessions = (): Handler => {
  const middleware = session({ secret: 'x', resave: false, saveUninitialized: true, store: new SlowStore() });
  return middleware as Handler;
};

const marks =
  (name: string): Handler =>
  (_req, res, next) => {
    onHeaders(res, () => void res.setHeader(name, 'set late'));
    next();
  };

/** One recorder, and what it saw. */
function recorderOf(delayMs = 20): { completions: Completion[]; recorder: Handler } {
  const completions: Completion[] = [];
  const recorder: Handler = (_req, res, next) => {
    record(res, {
      maxBytes: 100_000,
      async onComplete(completion) {
        await sleep(delayMs);
        completions.push(completion);
      },
    });
    next();
  };
  return { completions, recorder };
}

const replayer =
  (completions: readonly Completion[]): Handler =>
  (req, res, next) =>
    void replay(completions[0]!.recording, req, res).catch(next);

const headerOf = (answer: Answer, name: string): string | undefined =>
  answer.headers.find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}: `))?.slice(name.length + 2);

function decoded(answer: Answer): string {
  const coding = headerOf(answer, 'Content-Encoding');
  if (coding === 'gzip') return zlib.gunzipSync(answer.body).toString();
  if (coding === 'br') return zlib.brotliDecompressSync(answer.body).toString();
  if (coding === 'deflate') return zlib.inflateSync(answer.body).toString();
  return answer.body.toString();
}

const accepting = (coding: string): { headers: Record<string, string> } => ({ headers: { 'Accept-Encoding': coding } });

const WAYS: [string, Handler][] = [
  ['send', (_req, res) => res.type('text').send(TEXT)],
  ['writes', (_req, res) => void (res.type('text').write(TEXT.slice(0, 99)), res.end(TEXT.slice(99)))],
  [
    'a promised length',
    (_req, res) => void (res.type('text').set('Content-Length', String(TEXT.length)).write(TEXT), res.end()),
  ],
];

describe.each(EXPRESSES)('beside compression on %s, an answer by', (_name, express) => {
  describe.each(WAYS)('%s', (_way, handler) => {
    it.each([
      ['gzip', 'identity'],
      ['identity', 'gzip'],
      ['br', 'gzip'],
      ['gzip', 'br'],
      ['deflate', 'identity'],
    ])('is recorded plain inside of it, and encoded for each client: %s first, then %s', async (first, then) => {
      const { completions, recorder } = recorderOf();
      const answer = await exchange(await serve(appOf(express, zip(), recorder, handler)), accepting(first));
      const native = await exchange(await serve(appOf(express, zip(), handler)), accepting(first));
      expect(lasting(answer.headers)).toEqual(lasting(native.headers));
      expect([answer.statusLine, decoded(answer)]).toEqual([native.statusLine, TEXT]);
      expect(completions).toHaveLength(1);
      expect(completions[0]!.recording.body!.toString()).toBe(TEXT);
      expect(completions[0]!.recording.headers.map(([name]) => name)).not.toContain('Content-Encoding');

      const again = await exchange(await serve(appOf(express, zip(), replayer(completions))), accepting(then));
      expect(headerOf(again, 'Content-Encoding')).toBe(then === 'identity' ? undefined : then);
      expect(decoded(again)).toBe(TEXT);
    });

    it.each([
      ['gzip', 'identity'],
      ['gzip', 'gzip'],
      ['br', 'gzip'],
      ['deflate', 'identity'],
      ['identity', 'gzip'],
    ])('is recorded as encoded outside of it, and decoded where it must: %s first, then %s', async (first, then) => {
      const { completions, recorder } = recorderOf();
      const answer = await exchange(await serve(appOf(express, recorder, zip(), handler)), accepting(first));
      expect(decoded(answer)).toBe(TEXT);
      expect(completions).toHaveLength(1);
      expect(completions[0]!.recording.body).toEqual(answer.body);

      const again = await exchange(await serve(appOf(express, replayer(completions))), accepting(then));
      expect(decoded(again)).toBe(TEXT);
      expect(headerOf(again, 'Content-Encoding')).toBe(first === then ? first : undefined);
      expect(headerOf(again, 'Vary')).toMatch(/Accept-Encoding/);
      if (first === then) expect(again.body).toEqual(answer.body);
    });
  });

  it('a little text stays plain, as without us', async () => {
    const handler: Handler = (_req, res) => res.type('text').end('little');
    const { recorder } = recorderOf();
    const answer = await exchange(await serve(appOf(express, zip(), recorder, handler)), accepting('gzip'));
    const native = await exchange(await serve(appOf(express, zip(), handler)), accepting('gzip'));
    expect(lasting(answer.headers)).toEqual(lasting(native.headers));
    expect(answer.body).toEqual(native.body);
    expect(headerOf(answer, 'Content-Encoding')).toBeUndefined();
  });
});

describe.each(EXPRESSES)('beside express-session on %s', (_name, express) => {
  describe.each(WAYS)('an answer by %s', (_way, handler) => {
    it.each([
      ['outside', (recorder: Handler) => [sessions(), recorder, handler]],
      ['inside', (recorder: Handler) => [recorder, sessions(), handler]],
    ])('is whole, recorded once and known to set a cookie, with the session %s', async (_where, stack) => {
      const { completions, recorder } = recorderOf();
      const answer = await exchange(await serve(appOf(express, ...stack(recorder))));
      expect(headerOf(answer, 'Set-Cookie')).toMatch(/^connect\.sid=/);
      expect(answer.body.toString()).toBe(TEXT);
      expect(completions).toHaveLength(1);
      expect(completions[0]!.setsCookie).toBe(true);
      expect(completions[0]!.recording.body!.toString()).toBe(TEXT);
      expect(completions[0]!.recording.headers.map(([name]) => name)).not.toContain('Set-Cookie');

      const again = await exchange(await serve(appOf(express, replayer(completions))));
      expect(headerOf(again, 'Set-Cookie')).toBeUndefined();
      expect(again.body.toString()).toBe(TEXT);
    });
  });

  it('an answer that was given before its handler threw arrives, also while the session is saved', async () => {
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 1000, onComplete: afterFailures });
      next();
    };
    const handler: Handler = (_req, res) => {
      res.status(201).json({ order: 7 });
      throw new Error('after');
    };
    const answer = await exchange(await serve(appOf(express, sessions(), recorder, handler)));
    expect([answer.statusLine, answer.body.toString()]).toEqual(['HTTP/1.1 201 Created', '{"order":7}']);
  });
});

describe.each(EXPRESSES)('beside others on %s', (_name, express) => {
  it('records what on-headers sets inside, and not what it sets outside', async () => {
    const { completions, recorder } = recorderOf();
    const stack = [marks('X-Outside'), recorder, marks('X-Inside'), ((_req, res) => res.end('x')) satisfies Handler];
    const answer = await exchange(await serve(appOf(express, ...stack)));
    expect(headerOf(answer, 'X-Outside')).toBe('set late');
    expect(headerOf(answer, 'X-Inside')).toBe('set late');
    expect(completions[0]!.recording.headers).toEqual([['X-Inside', 'set late']]);

    const again = await exchange(await serve(appOf(express, marks('X-Outside'), replayer(completions))));
    expect(lasting(again.headers)).toEqual(lasting(answer.headers));
  });

  it('ends are told once inside at the end, and once outside when the answer leaves, with its status', async () => {
    const order: unknown[] = [];
    const listens =
      (where: string): Handler =>
      (_req, res, next) => {
        onEnd(res, (ended: Ended) => order.push([where, ended]));
        next();
      };
    const recorder: Handler = (_req, res, next) => {
      record(res, {
        maxBytes: 100,
        async onComplete() {
          order.push('completed');
          await sleep(20);
          order.push('stored');
        },
      });
      next();
    };
    const handler: Handler = (_req, res) => {
      res.status(201).end('x');
      res.statusCode = 500;
    };
    const ended: Ended = { status: 201, aborted: false };

    await exchange(await serve(appOf(express, recorder, listens('inside'), handler)));
    expect(order.splice(0)).toEqual([['inside', ended], 'completed', 'stored']);
    await exchange(await serve(appOf(express, listens('outside'), recorder, handler)));
    expect(order.splice(0)).toEqual(['completed', 'stored', ['outside', ended]]);
  });

  it.each<[string, Handler, string]>([
    ['json', (_req, res) => res.status(201).json({ order: 7 }), 'GET'],
    ['chunks', (_req, res) => void (res.write('a'), res.end('b')), 'GET'],
    ['a promised length', (_req, res) => void (res.set('Content-Length', '1').write('a'), res.end()), 'GET'],
    ['a 204', (_req, res) => void (res.status(204).flushHeaders(), res.end()), 'GET'],
    ['HEAD', (_req, res) => void (res.flushHeaders(), res.end('x')), 'HEAD'],
  ])('two recorders record the same, one after the other: %s', async (_way, handler, method) => {
    const [outer, inner] = [recorderOf(), recorderOf()];
    const answer = await exchange(await serve(appOf(express, outer.recorder, inner.recorder, handler)), { method });
    expect(answer).toEqual(await exchange(await serve(appOf(express, handler)), { method }));
    expect([outer.completions.length, inner.completions.length]).toEqual([1, 1]);
    expect(outer.completions).toEqual(inner.completions);
  });

  it('all of them at once give the answer they would give without us', async () => {
    const { completions, recorder } = recorderOf();
    const stack = (...middle: Handler[]): Handler[] => [
      zip(),
      sessions(),
      marks('X-Outside'),
      ...middle,
      marks('X-Inside'),
      (_req, res) => res.type('text').send(TEXT),
    ];
    const answer = await exchange(await serve(appOf(express, ...stack(recorder))), accepting('gzip'));
    const native = await exchange(await serve(appOf(express, ...stack())), accepting('gzip'));
    const anonymous = (headers: string[]): string[] => headers.map((line) => line.replace(/^(Set-Cookie).*/, '$1'));
    expect(anonymous(lasting(answer.headers))).toEqual(anonymous(lasting(native.headers)));
    expect(decoded(answer)).toBe(TEXT);
    expect(completions).toHaveLength(1);
    expect(completions[0]).toMatchObject({ setsCookie: true, aborted: false });
  });
});
