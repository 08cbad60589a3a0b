import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { type Completion, record } from '../src/http/index.ts';
import {
  EXPRESSES,
  type Handler,
  afterFailures,
  appOf,
  exchange,
  gate,
  parsed,
  requestText,
  serve,
  wireTo,
} from './recorder-app.ts';

/** Long enough for what left the server to arrive here. */
const onTheWay = (): Promise<void> => sleep(30);

/** A recorder whose onComplete settles when the gate opens. */
function gated(seen: { completions: Completion[]; res?: ServerResponse } = { completions: [] }) {
  const stored = gate();
  const completed = gate();
  const recorder: Handler = (_req, res, next) => {
    seen.res = res;
    record(res, {
      maxBytes: 1000,
      async onComplete(completion) {
        seen.completions.push(completion);
        completed.open();
        await stored.opened;
      },
    });
    next();
  };
  return { recorder, stored, completed, seen };
}

/** Answers to hold, and what of each the client has while it is held. */
const HELD: [name: string, handler: Handler, before: RegExp, method?: string][] = [
  ['json', (_req, res) => res.json({ order: 7 }), /^$/],
  ['end(text)', (_req, res) => res.end('text'), /^$/],
  ['an empty 201', (_req, res) => res.status(201).end(), /^$/],
  ['204', (_req, res) => res.sendStatus(204), /^$/],
  ['a flushed 204', (_req, res) => void (res.status(204).flushHeaders(), res.end()), /^$/],
  ['a flushed 304', (_req, res) => void (res.status(304).flushHeaders(), res.end()), /^$/],
  ['a flushed HEAD', (_req, res) => void (res.flushHeaders(), res.end()), /^$/, 'HEAD'],
  ['a flushed Content-Length: 0', (_req, res) => void (res.set('Content-Length', '0').flushHeaders(), res.end()), /^$/],
  ['chunks', (_req, res) => void (res.write('one'), res.end('two')), /\r\n\r\n3\r\none\r\n$/],
  ['chunks and an empty end', (_req, res) => void (res.write('one'), res.end()), /\r\n\r\n3\r\none\r\n$/],
  ['a flushed head and a body', (_req, res) => void (res.flushHeaders(), res.end('text')), /chunked\r\n\r\n$/],
  [
    'the last promised bytes',
    (_req, res) => void (res.set('Content-Length', '6'), res.write('one'), res.write('two'), res.end()),
    /\r\n\r\none$/,
  ],
  ['all promised bytes', (_req, res) => void (res.set('Content-Length', '3'), res.write('one'), res.end()), /^$/],
  ['promised bytes, and no end', (_req, res) => void (res.set('Content-Length', '3'), res.write('one')), /^$/],
];

describe.each(EXPRESSES)('the end of an answer on %s', (_name, express) => {
  it.each(HELD)('is held until it is stored: %s', async (_name, handler, before, method = 'GET') => {
    const { recorder, stored, completed, seen } = gated();
    const port = await serve(appOf(express, recorder, handler));
    const native = await serve(appOf(express, handler));
    const [wire, nativeWire] = [await wireTo(port), await wireTo(native)];
    for (const each of [wire, nativeWire]) each.send(requestText({ method }));
    await completed.opened;
    await wire.until(before);
    await onTheWay();
    expect(wire.text()).toMatch(before);
    expect(seen.res!.headersSent).toBe(true);
    expect(() => seen.res!.setHeader('X-Late', '1')).toThrow(/after they are sent/);
    expect(() => seen.res!.writeHead(500)).toThrow(/after they are sent/);

    seen.res!.statusCode = 500;
    stored.open();
    const linesOf = (text: string): string[] =>
      text
        .replace(/^Date: .*$/m, '')
        .split('\r\n')
        .toSorted();
    await vi.waitFor(() => {
      expect(nativeWire.text()).toContain('\r\n\r\n');
      expect(linesOf(wire.text())).toEqual(linesOf(nativeWire.text()));
    }, 5000);
    expect(seen.completions).toHaveLength(1);
  });

  it.each<[string, (res: ServerResponse) => unknown, boolean]>([
    ['end', (res) => res.end('text'), true],
    ['promised bytes and end', (res) => void (res.setHeader('Content-Length', 4), res.write('text'), res.end()), true],
    ['promised bytes', (res) => void (res.setHeader('Content-Length', 4), res.write('text')), false],
  ])('has writableEnded say what Node would: %s', async (_how, answer, isEnded) => {
    const { recorder, stored, completed, seen } = gated();
    const wire = await wireTo(await serve(appOf(express, recorder, (_req, res) => answer(res))));
    wire.send(requestText());
    await completed.opened;
    expect(seen.res!.writableEnded).toBe(isEnded);
    stored.open();
    await wire.until(/text$/);
    expect(seen.res!.writableEnded).toBe(isEnded);
    for (const name of ['writableEnded', 'destroy']) expect(Object.hasOwn(seen.res!, name)).toBe(false);
    expect(Object.hasOwn(seen.res!.req.socket, 'destroy')).toBe(false);
  });

  it('is not followed by what is written after it, and calls back as Node does', async () => {
    const { recorder, stored, completed, seen } = gated();
    const wire = await wireTo(await serve(appOf(express, recorder, (_req, res) => res.end('one'))));
    wire.send(requestText());
    await completed.opened;
    const res = seen.res!;
    const callbacks: string[] = [];
    const callback = (name: string) => (error?: Error | null) =>
      void callbacks.push(`${name} ${(error as NodeJS.ErrnoException | undefined)?.code}`);
    expect(res.write('two', callback('write'))).toBe(false);
    expect(res.end('three', callback('end with a chunk'))).toBe(res);
    expect(res.end(callback('end'))).toBe(res);
    await sleep(0);
    expect(callbacks).toEqual(['write ERR_STREAM_WRITE_AFTER_END', 'end with a chunk ERR_STREAM_WRITE_AFTER_END']);
    stored.open();
    await wire.until(/one$/);
    await vi.waitFor(() => expect(callbacks.slice(2)).toEqual(['end undefined']));
    await onTheWay();
    expect(wire.text()).toMatch(/\r\n\r\none$/);
  });

  it('is a copy: the handler may use its buffer again', async () => {
    const { recorder, stored, completed, seen } = gated();
    const handler: Handler = (_req, res) => {
      const buffer = Buffer.from('mine');
      res.end(buffer);
      buffer.fill('x');
    };
    const answer = exchange(await serve(appOf(express, recorder, handler)));
    await completed.opened;
    await sleep(0);
    stored.open();
    expect((await answer).body.toString()).toBe('mine');
    expect(seen.completions[0]!.recording.body!.toString()).toBe('mine');
  });

  it.each<[string, (completion: Completion) => Promise<void>]>([
    ['rejects', () => Promise.reject(new Error('not stored'))],
    [
      'throws',
      () => {
        throw new Error('not stored');
      },
    ],
  ])('leaves with a warning when storing it %s', async (_how, onComplete) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 9, onComplete });
      next();
    };
    const answer = await exchange(await serve(appOf(express, recorder, (_req, res) => res.json({ order: 7 }))));
    expect(answer.body.toString()).toBe('{"order":7}');
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toContain('not stored');
    warn.mockRestore();
  });
});

const numberOf = (req: { url: string }): string => new URL(req.url, 'http://test').searchParams.get('n')!;

/** What goes wrong after an answer. */
const FAILURES: [string, (fail: Parameters<Handler>[2], req: Parameters<Handler>[0]) => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('after');
    },
  ],
  ['calls next(error)', (next) => next(new Error('after'))],
  ['calls next(error) later', (next) => void setImmediate(() => next(new Error('after')))],
  ['destroys the socket', (_next, req) => req.socket.destroy()],
  ['destroys the response', (_next, req) => req.res!.destroy()],
];

const GIVEN: [string, (res: ServerResponse) => unknown, RegExp][] = [
  ['end', (res) => res.writeHead(201, { 'Content-Type': 'text/plain' }).end('made'), /^HTTP\/1.1 201 Created[^]*made/],
  ['chunks', (res) => void (res.write('ma'), res.end('de')), /\r\n\r\n2\r\nma\r\n2\r\nde\r\n0\r\n\r\n$/],
  ['a 204', (res) => res.writeHead(204).end(), /^HTTP\/1.1 204 [^]*\r\n\r\n$/],
  ['a flushed 204', (res) => res.writeHead(204).flushHeaders(), /^HTTP\/1.1 204 [^]*\r\n\r\n$/],
  ['promised bytes', (res) => res.writeHead(201, { 'Content-Length': 4 }).write('made'), /^HTTP\/1.1 201 [^]*made$/],
  ['a large body', (res) => res.end('x'.repeat(1_000_000)), /\nx{1000000}$/],
];

describe.each(EXPRESSES)('a handler on %s that has answered', (name, express) => {
  const failures: typeof FAILURES = [
    ...FAILURES,
    ...(name === 'Express 5'
      ? ([['rejects', () => Promise.reject(new Error('after'))]] satisfies typeof FAILURES)
      : []),
  ];
  const cases = failures.flatMap(([failure, fail]) =>
    GIVEN.map(([given, answer, whole]) => [given, failure, answer, fail, whole] as const),
  );

  it.each(cases)('with %s has answered, when it then %s', async (_given, _failure, answer, fail, whole) => {
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 1000, onComplete: afterFailures });
      next();
    };
    const handler: Handler = (req, res, next) => {
      answer(res);
      return fail(next, req);
    };
    const wire = await wireTo(await serve(appOf(express, recorder, handler)));
    wire.send(requestText());
    await wire.closed;
    expect(wire.text()).toMatch(whole);
  });

  it('keeps its status when an error handler sets another', async () => {
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 1000, onComplete: afterFailures });
      next();
    };
    const app = appOf(express, recorder, (_req, res, next) => {
      res.status(201).json({ order: 7 });
      next(new Error('after'));
    });
    app.use(((_error, _req, res, _next) => res.status(500).json({ error: 'late' })) as ErrorRequestHandler);
    const answer = await exchange(await serve(app));
    expect([answer.statusLine, answer.body.toString()]).toEqual(['HTTP/1.1 201 Created', '{"order":7}']);
  });

  it('breaks the connection, as without us, when it fails in the middle', async () => {
    const { recorder, seen } = gated();
    const wire = await wireTo(
      await serve(
        appOf(express, recorder, (_req, res, next) => {
          res.write('half');
          next(new Error('amid'));
        }),
      ),
    );
    wire.send(requestText());
    await wire.closed;
    expect(wire.text()).not.toMatch(/0\r\n\r\n$/);
    expect(seen.completions).toEqual([]);
  });

  it('is followed by the next answer on its connection, pipelined or not, in order', async () => {
    const { recorder, stored } = gated();
    const app = appOf(
      express,
      (req, res, next) => (req.query['slow'] ? recorder(req, res, next) : next()),
      (req, res) => res.send(`answer ${numberOf(req)}.`),
    );
    const wire = await wireTo(await serve(app));
    for (const n of [1, 2]) wire.send(requestText({ path: `/?n=${n}&slow=1` }));
    wire.send(requestText({ path: '/?n=3' }));
    await onTheWay();
    expect(wire.text()).toBe('');
    stored.open();
    await wire.until(/answer 1\.[^]*answer 2\.[^]*answer 3\.$/);
    wire.send(requestText({ path: '/?n=4&slow=1' }));
    await wire.until(/answer 4\.$/);
    expect(wire.text().match(/HTTP\/1.1 200 OK/g)).toHaveLength(4);
  });

  it.each([1, 2])(
    'loses none of two pipelined answers whose handlers throw, when number %i is stored last',
    async (last) => {
      const recorder: Handler = (req, res, next) => {
        const store = async (): Promise<void> => {
          await afterFailures();
          if (Number(numberOf(req)) === last) await sleep(30);
        };
        record(res, { maxBytes: 1000, onComplete: store });
        next();
      };
      const app = appOf(express, recorder, (req, res) => {
        res.send(`answer ${numberOf(req)}.`);
        throw new Error('after');
      });
      const wire = await wireTo(await serve(app));
      wire.send(requestText({ path: '/?n=1' }) + requestText({ path: '/?n=2' }));
      await wire.closed;
      expect(wire.text()).toMatch(/answer 1\.[^]*answer 2\.$/);
    },
  );

  it('loses no answer that is still held when another on its connection has left', async () => {
    const [first, second] = [gated(), gated()];
    const app = appOf(
      express,
      (req, res, next) => (numberOf(req) === '1' ? first : second).recorder(req, res, next),
      (req, res) => res.send(`answer ${numberOf(req)}.`),
    );
    const wire = await wireTo(await serve(app));
    wire.send(requestText({ path: '/?n=1' }) + requestText({ path: '/?n=2' }));
    await second.completed.opened;
    first.stored.open();
    await wire.until(/answer 1\.$/);
    second.seen.res!.req.socket.destroy();
    second.stored.open();
    await wire.closed;
    expect(wire.text()).toMatch(/answer 2\.$/);
  });
});

describe.each(EXPRESSES)('a client on %s', (_name, express) => {
  it('that reads slowly gets all of an answer over the cap, which is not kept', async () => {
    const block = Buffer.alloc(64 * 1024, 'x');
    const completions: Completion[] = [];
    const waits: number[] = [];
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 100_000, onComplete: (completion) => void completions.push(completion) });
      next();
    };
    const handler: Handler = async (_req, res) => {
      for (let n = 0; n < 320; n += 1) {
        if (!res.write(block)) {
          waits.push(n);
          await once(res, 'drain');
        }
      }
      res.end();
    };
    const wire = await wireTo(await serve(appOf(express, recorder, handler)));
    wire.socket.pause();
    wire.send(requestText({ headers: { Connection: 'close' } }));
    await vi.waitFor(() => expect(waits.length).toBeGreaterThan(0));
    await onTheWay();
    expect(waits.at(-1)).toBeLessThan(319);
    expect(completions).toEqual([]);
    wire.socket.resume();
    await wire.closed;
    expect(parsed(wire.bytes()).body.length).toBe(320 * block.length);
    expect(completions).toHaveLength(1);
    expect(completions[0]!.recording).toMatchObject({ body: undefined, isOverCap: true });
  });

  it.each<[string, (res: ServerResponse) => unknown]>([
    ['end', (res) => res.end('0123456789')],
    ['writes', (res) => void (res.write('01234'), res.write('567'), res.end('89'))],
    ['promised bytes', (res) => res.writeHead(200, { 'Content-Length': 10 }).write('0123456789')],
  ])('that hangs up does not keep the answer from being recorded: %s', async (_how, answer) => {
    const { recorder, stored, completed, seen } = gated();
    const handling = gate();
    const handler: Handler = async (_req, res) => {
      handling.open();
      await once(res, 'close');
      answer(res);
    };
    const wire = await wireTo(await serve(appOf(express, recorder, handler)));
    wire.send(requestText());
    await handling.opened;
    wire.socket.destroy();
    await completed.opened;
    stored.open();
    expect(seen.completions).toEqual([
      expect.objectContaining({
        aborted: true,
        recording: expect.objectContaining({ body: Buffer.from('0123456789') }) as unknown,
      }),
    ]);
  });

  it('that hangs up does not leave a writer waiting for it', async () => {
    const { recorder, stored, completed, seen } = gated();
    stored.open();
    const waiting = gate();
    const block = 'x'.repeat(1_000_000);
    let isWaiting = false;
    const handler: Handler = async (_req, res) => {
      const write = async (): Promise<void> => {
        if (res.write(block)) return;
        isWaiting = true;
        waiting.open();
        await once(res, 'drain');
      };
      for (let n = 0; n < 20; n += 1) await write();
      res.end('.');
    };
    const wire = await wireTo(await serve(appOf(express, recorder, handler)));
    wire.socket.pause();
    wire.send(requestText());
    await waiting.opened;
    await onTheWay();
    expect(isWaiting).toBe(true);
    wire.socket.destroy();
    await completed.opened;
    expect(seen.completions[0]).toMatchObject({ aborted: true, recording: { isOverCap: true } });
  });

  it('that hangs up while its answer is held leaves nothing behind', async () => {
    const { recorder, stored, completed, seen } = gated();
    const wire = await wireTo(await serve(appOf(express, recorder, (_req, res) => res.end('x'.repeat(900)))));
    wire.send(requestText());
    await completed.opened;
    wire.socket.destroy();
    await onTheWay();
    stored.open();
    await vi.waitFor(() => expect(seen.res!.req.socket.destroyed).toBe(true));
    expect(Object.hasOwn(seen.res!.req.socket, 'destroy')).toBe(false);
    expect(seen.completions).toHaveLength(1);
  });
});
