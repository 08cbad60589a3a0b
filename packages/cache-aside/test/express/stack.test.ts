import { setTimeout as sleep } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { type Completion, type Ended, onEnd, record } from '@turnpike/core/http';
import { setting } from '@turnpike/test-kit/vitest';
import compression from 'compression';
import type { RequestHandler } from 'express';
import session from 'express-session';
import onHeaders from 'on-headers';
import { describe, expect, it } from 'vitest';
import {
  type Answer,
  type Ask,
  EXPRESSES,
  type Handler,
  type Site,
  appOf,
  hitOf,
  serve,
  siteOf,
  warningsSeen,
  zeroOptions,
} from './app.ts';

const it_ = setting();

const TEXT = 'so much text that it is worth compressing. '.repeat(100);

/** All who hook into a response as the cache does, each with what it saw. */
function wrappers() {
  const saw = { recorded: [] as Completion[], ended: [] as Ended[] };
  const recorder: RequestHandler = (_req, res, next) => {
    record(res, {
      maxBytes: 100_000,
      async onComplete(completion) {
        await sleep(2);
        saw.recorded.push(completion);
      },
    });
    next();
  };
  const charge: RequestHandler = (_req, res, next) => {
    onEnd(res, (ended) => saw.ended.push(ended));
    next();
  };
  const marks =
    (name: string): RequestHandler =>
    (_req, res, next) => {
      onHeaders(res, () => void res.setHeader(name, 'set late'));
      next();
    };
  const sessionOf = (saveUninitialized: boolean): RequestHandler =>
    session({ secret: 'x', resave: false, saveUninitialized });
  return {
    saw,
    recorder,
    charge,
    zip: compression({ threshold: 100 }),
    idleSession: sessionOf(false),
    newSession: sessionOf(true),
    marks: marks('X-Mark'),
    otherMarks: marks('X-Other-Mark'),
  };
}

type Wrappers = ReturnType<typeof wrappers>;
type Order = (all: Wrappers) => RequestHandler[];
const none: Order = () => [];

const ORDERS: [what: string, outside: Order, inside: Order][] = [
  ['all outside', (w) => [w.recorder, w.charge, w.idleSession, w.zip, w.marks, w.recorder, w.otherMarks], none],
  [
    'all outside, the other way round',
    (w) => [w.otherMarks, w.recorder, w.marks, w.zip, w.idleSession, w.charge, w.recorder],
    none,
  ],
  [
    'all but the session inside',
    (w) => [w.idleSession],
    (w) => [w.recorder, w.charge, w.zip, w.marks, w.recorder, w.otherMarks],
  ],
  [
    'all but the session inside, the other way round',
    (w) => [w.idleSession],
    (w) => [w.otherMarks, w.recorder, w.marks, w.zip, w.charge, w.recorder],
  ],
  ['some of each', (w) => [w.charge, w.zip, w.recorder, w.marks], (w) => [w.recorder, w.otherMarks]],
  [
    'the others of each',
    (w) => [w.recorder, w.otherMarks, w.idleSession],
    (w) => [w.marks, w.zip, w.charge, w.recorder],
  ],
];

const WAYS: [string, Handler][] = [
  ['send', (_req, res) => void res.type('text').send(TEXT)],
  ['json', (_req, res) => void res.status(203).json({ TEXT })],
  ['writes', (_req, res) => void (res.type('text').write(TEXT.slice(0, 99)), res.end(TEXT.slice(99)))],
  [
    'a promised length',
    (_req, res) => void (res.type('text').set('Content-Length', String(TEXT.length)).write(TEXT), res.end()),
  ],
  [
    'writeHead',
    (_req, res) =>
      void res.writeHead(200, 'Fine', { 'Content-Type': 'text/plain', 'X-Said': 'with the head' }).end(TEXT),
  ],
  ['a stream', (_req, res) => void Readable.from([TEXT.slice(0, 2000), TEXT.slice(2000)]).pipe(res.type('text'))],
  ['a file', (_req, res) => res.sendFile('app.ts', { root: import.meta.dirname, maxAge: '1m' })],
  ['little text', (_req, res) => void res.type('text').send('little')],
  ['nothing', (_req, res) => void res.status(204).end()],
];

function decoded({ header, body }: Answer): string {
  const coding = header('Content-Encoding');
  if (coding === 'gzip') return gunzipSync(body).toString();
  return coding === 'br' ? brotliDecompressSync(body).toString() : body.toString();
}

/** What an answer is, without what says how it travels, what the cache says of it, and whose session it begins. */
const essence = (answer: Answer) => ({
  statusLine: answer.statusLine,
  text: decoded(answer),
  headers: answer.headers
    .filter((line) => !/^(content-length|cache-status|age):/i.test(line))
    .map((line) => line.replace(/^(set-cookie):.*/i, '$1')),
});

const accepting = (coding: string) => ({ headers: { 'Accept-Encoding': coding } });

describe.each(EXPRESSES)('between others on %s', (_version, express) => {
  /** With the cache, and without. */
  async function twins(handler: Handler, outside: Order, inside: Order) {
    const [all, others] = [wrappers(), wrappers()];
    const site = await siteOf(express, zeroOptions(it_.clients), handler, {
      before: outside(all),
      inside: inside(all),
    });
    const bare = appOf(express);
    for (const one of outside(others)) bare.use(one);
    bare.all(/.*/, ...inside(others), (req, res, next) => void handler(req, res, 1, next));
    return { site, native: await serve(bare), saw: all.saw };
  }
  /** As Node says it, who adds a length to what is given in one piece. */
  const lengthIsRight = ({ header, body }: Answer): void => {
    const length = header('Content-Length');
    if (length !== undefined) expect(Number(length)).toBe(body.length);
  };

  describe.each(ORDERS)('%s', (_order, outside, inside) => {
    it.each(WAYS)('an answer by %s is on a miss and on a hit what it is without us', async (_way, handler) => {
      const { site, native } = await twins(handler, outside, inside);
      for (const coding of ['gzip', 'identity', 'br']) {
        const expected = essence(await native('/page', accepting(coding)));
        const miss = await site.ask('/page', accepting(coding));
        const hit = await hitOf(site.ask, '/page', accepting(coding));
        for (const answer of [miss, hit]) {
          expect(essence(answer)).toEqual(expected);
          lengthIsRight(answer);
        }
        expect(hit.header('Age')).toMatch(/^\d$/);
      }
      expect(site.seen.runs).toBeLessThanOrEqual(3);
    });

    it('each request is recorded and told of once by each who is outside, and each run by each inside', async () => {
      const { site, saw } = await twins(WAYS[0]?.[1] as Handler, outside, inside);
      const count = (order: Order, one: (all: Wrappers) => RequestHandler): number => {
        const all = wrappers();
        return order(all).filter((handler) => handler === one(all)).length;
      };
      await site.ask('/page', accepting('identity'));
      await hitOf(site.ask, '/page', accepting('identity'));
      const { arrived, runs } = site.seen;
      const expected = (one: (all: Wrappers) => RequestHandler): number =>
        arrived * count(outside, one) + runs * count(inside, one);
      expect(runs).toBe(1);
      expect(saw.ended).toEqual(
        Array.from({ length: expected((w) => w.charge) }, () => ({ status: 200, aborted: false })),
      );
      expect(saw.recorded).toHaveLength(expected((w) => w.recorder));
      for (const { recording } of saw.recorded) expect(recording.body?.toString()).toBe(TEXT);
    });

    it('HEAD and a client that has the page get no body', async () => {
      const { site } = await twins(WAYS[0]?.[1] as Handler, outside, inside);
      await site.ask('/page', accepting('identity'));
      const hit = await hitOf(site.ask, '/page', accepting('identity'));
      const head = await site.ask('/page', { ...accepting('identity'), method: 'HEAD' });
      expect([head.status, head.header('Content-Length')]).toEqual([200, String(TEXT.length)]);
      const headers = { ...accepting('identity').headers, 'If-None-Match': String(hit.header('ETag')) };
      const has = await site.ask('/page', { headers });
      expect([has.status, has.text, site.seen.runs]).toEqual([304, '', 1]);
    });
  });

  describe('a session', () => {
    const answersOf = async ({ ask }: Pick<Site, 'ask'>): Promise<Answer[]> => {
      const answers: Answer[] = [];
      for (let n = 0; n < 3; n += 1) answers.push(await ask('/page'));
      return answers;
    };
    const isNative = async (native: Ask, answers: readonly Answer[]): Promise<void> => {
      const expected = essence(await native('/page'));
      for (const answer of answers) expect(essence(answer)).toEqual(expected);
    };

    it.each<[string, Order, Order]>([
      ['outside', (w) => [w.marks, w.newSession, w.recorder], (w) => [w.recorder, w.otherMarks]],
      ['inside', (w) => [w.marks, w.recorder], (w) => [w.recorder, w.newSession, w.otherMarks]],
    ])('that begins with each request, %s, is each one’s own', async (_where, outside, inside) => {
      const { site, native } = await twins(WAYS[0]?.[1] as Handler, outside, inside);
      const answers = await answersOf(site);
      await isNative(native, answers);
      expect(new Set(answers.map((answer) => answer.header('Set-Cookie'))).size).toBe(3);
      expect(site.seen.runs).toBe(3);
    });

    it('inside reads the cookie, so that the page is not stored, and is right', async () => {
      warningsSeen('TURNPIKE_WARN_CACHE_PERSONAL');
      const { site, native } = await twins(WAYS[0]?.[1] as Handler, none, (w) => [w.idleSession]);
      await isNative(native, await answersOf(site));
      expect(site.seen.runs).toBe(3);
    });

    it('outside that nobody uses keeps no page from being stored', async () => {
      const warnings = warningsSeen('TURNPIKE_WARN_CACHE_PERSONAL');
      const { site, native } = await twins(WAYS[0]?.[1] as Handler, (w) => [w.idleSession], none);
      await isNative(native, [await site.ask('/page'), await hitOf(site.ask, '/page')]);
      expect([site.seen.runs, warnings]).toEqual([1, []]);
    });
  });
});
