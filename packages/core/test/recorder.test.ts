import { createReadStream } from 'node:fs';
import { Readable, pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Completion, type Recording, packRecording, record, replay, unpackRecording } from '../src/http/index.ts';
import { type Answer, EXPRESSES, type Handler, appOf, exchange, lasting, serve } from './recorder-app.ts';

const FILE = fileURLToPath(new URL('../package.json', import.meta.url));

/** What a handler may do, and the method it is asked with. */
const ANSWERS: [name: string, handler: Handler, method?: string][] = [
  ['json', (_req, res) => res.json({ order: 7, name: 'Zoë' })],
  ['send text', (_req, res) => res.send('a text')],
  ['send an empty text', (_req, res) => res.send('')],
  ['send a Buffer', (_req, res) => res.send(Buffer.from([0, 255, 13, 10, 128]))],
  ['send with 201 and Location', (_req, res) => res.status(201).location('/orders/7').send('made')],
  ['sendStatus 204', (_req, res) => res.sendStatus(204)],
  ['205', (_req, res) => res.status(205).send('never')],
  ['an empty 201', (_req, res) => res.status(201).end()],
  ['303', (_req, res) => res.redirect(303, '/there')],
  ['304', (_req, res) => res.status(304).set('ETag', '"v1"').end()],
  ['304 that declares a length', (_req, res) => res.status(304).set('Content-Length', '12').end()],
  ['a handled 400', (_req, res) => res.status(400).json({ error: 'no quantity' })],
  ['an error', (_req, _res, next) => next(Object.assign(new Error('no'), { status: 418, stack: 'no' }))],
  ['end(text)', (_req, res) => res.end('plain')],
  ['end(text, encoding)', (_req, res) => res.end('0aff', 'hex')],
  ['end(Buffer)', (_req, res) => res.end(Buffer.from('bytes'))],
  ['end(Uint8Array)', (_req, res) => res.end(new Uint8Array([1, 2, 3]))],
  ['end()', (_req, res) => res.end()],
  ['end(null)', (_req, res) => res.end(null)],
  ['end(callback)', (_req, res) => res.end(() => undefined)],
  ['write and end', (_req, res) => void (res.write('a'), res.end('b'))],
  ['write, write and an empty end', (_req, res) => void (res.write('a'), res.write('b'), res.end())],
  ['write(empty) and end', (_req, res) => void (res.write(''), res.end())],
  [
    'write in encodings',
    (_req, res) => void (res.write('00ff', 'hex'), res.write('aGk=', 'base64'), res.write('é', 'latin1'), res.end('é')),
  ],
  [
    'a character across chunks',
    (_req, res) => void (res.write(Buffer.from([0xe2, 0x82])), res.end(Buffer.from([0xac]))),
  ],
  [
    'a Buffer that is used again',
    (_req, res) => {
      const buffer = Buffer.from('one');
      res.write(buffer, () => {
        buffer.write('two');
        res.write(buffer, () => {
          buffer.write('six');
          res.end(buffer);
        });
      });
    },
  ],
  ['Content-Length, all of it, end', (_req, res) => void (res.set('Content-Length', '5').write('hello'), res.end())],
  [
    'Content-Length in two writes',
    (_req, res) => void (res.set('Content-Length', '5'), res.write('hel'), res.write('lo'), res.end()),
  ],
  ['Content-Length in write and end', (_req, res) => void (res.set('Content-Length', '5').write('he'), res.end('llo'))],
  [
    'Content-Length beside chunks',
    (_req, res) => {
      res.set({ 'Content-Length': '3', 'Transfer-Encoding': 'chunked' });
      res.write('abc');
      res.end('def');
    },
  ],
  ['Content-Length 0 and end', (_req, res) => res.set('Content-Length', '0').end()],
  ['Content-Length 0, flushed', (_req, res) => void (res.set('Content-Length', '0').flushHeaders(), res.end())],
  ['writeHead and an object', (_req, res) => res.writeHead(201, { 'X-One': '1', Link: ['<a>', '<b>'] }).end('head')],
  [
    'writeHead, a phrase and an object',
    (_req, res) => res.writeHead(201, 'Fine', { 'X-One': 1 } as Record<string, number>).end('head'),
  ],
  ['writeHead and a phrase', (_req, res) => res.writeHead(404, 'Nowhere').end()],
  ['writeHead and a list', (_req, res) => res.writeHead(201, ['X-One', '1', 'x-two', '2']).end('head')],
  [
    'writeHead, a phrase and a list',
    (_req, res) => res.set('X-Set', 'before').writeHead(201, 'Fine', ['X-Set', 'after']).end('head'),
  ],
  [
    'writeHead with a length',
    (_req, res) => void (res.writeHead(200, { 'Content-Length': 4 }), res.write('head'), res.end()),
  ],
  ['writeHead of a 204', (_req, res) => res.writeHead(204, { 'X-One': '1' }).end()],
  ['flushHeaders, then end', (_req, res) => void (res.flushHeaders(), res.end('later'))],
  ['flushHeaders of a 204', (_req, res) => void (res.status(204).flushHeaders(), res.end())],
  [
    'a phrase',
    (_req, res) => {
      res.statusMessage = 'Made to measure';
      res.status(201).end('x');
    },
  ],
  ['a header many times', (_req, res) => res.set('Link', ['<a>; rel=x', '<b>; rel=y'] as never).end('x')],
  ['a header in latin1', (_req, res) => res.set('X-Name', 'Zoë').end(Buffer.from('x'))],
  ['a header removed', (_req, res) => void (res.removeHeader('X-Outer'), res.end('x'))],
  ['a header named __proto__', (_req, res) => res.setHeader('__proto__', 'x').end('x')],
  ['a header of the outside changed', (_req, res) => res.append('Vary', 'Accept').end('x')],
  ['pipe', (_req, res) => createReadStream(FILE, { highWaterMark: 100 }).pipe(res)],
  ['stream.pipeline', (_req, res) => pipeline(Readable.from(['a', 'b', 'c']), res, () => undefined)],
  ['sendFile', (_req, res) => res.sendFile(FILE)],
  ['a range of a file', (_req, res) => res.sendFile(FILE, { start: 3, end: 9 } as never)],
  ['HEAD of json', (_req, res) => res.json({ order: 7 }), 'HEAD'],
  ['HEAD of a file', (_req, res) => res.sendFile(FILE), 'HEAD'],
  ['HEAD and writes', (_req, res) => void (res.write('a'), res.end('b')), 'HEAD'],
  ['HEAD, flushed', (_req, res) => void (res.flushHeaders(), res.end('b')), 'HEAD'],
];

/** Node writes a head that leaves together with text in the encoding of that text, and other heads in latin1. */
const QUIRKS: typeof ANSWERS = [
  ['a header in latin1 and a text', (_req, res) => void (res.setHeader('X-Name', 'Zoë'), res.end('x'))],
  [
    'a file name in utf-8',
    (_req, res) => {
      res.setHeader('Content-Disposition', Buffer.from('attachment; filename="Zoë"').toString('latin1'));
      res.end('x');
    },
  ],
];

const outer: Handler = (_req, res, next) => {
  res.set({ 'X-Outer': 'outer', Vary: 'Origin' });
  next();
};

describe.each(EXPRESSES)('a recorded answer on %s', (_name, express) => {
  describe.each([
    ['kept at once', undefined],
    ['kept slowly', 20],
  ])('%s', (_speed, delayMs) => {
    it.each(ANSWERS)('is the answer, and can be given again: %s', async (_name, handler, method = 'GET') => {
      const recordings: Recording[] = [];
      const recorder: Handler = (_req, res, next) => {
        record(res, {
          maxBytes: 100_000,
          onComplete({ recording }) {
            recordings.push(recording);
            return delayMs === undefined
              ? undefined
              : new Promise<void>((resolve) => void setTimeout(resolve, delayMs));
          },
        });
        next();
      };
      const replayer: Handler = (req, res, next) => {
        const [recording] = recordings;
        replay(unpackRecording(packRecording(recording!)), req, res).catch(next);
      };

      const native = await exchange(await serve(appOf(express, outer, handler)), { method });
      const recorded = await exchange(await serve(appOf(express, outer, recorder, handler)), { method });
      const again = await exchange(await serve(appOf(express, outer, replayer)), { method });

      expect(recorded).toEqual(native);
      expect(recordings).toHaveLength(1);
      expect(again.statusLine).toBe(native.statusLine);
      expect(lasting(again.headers)).toEqual(lasting(native.headers));
      expect(again.body).toEqual(native.body);
      const hasNoBody = method === 'HEAD' || [204, 304].includes(recordings[0]!.status);
      expect(recordings[0]!.body).toEqual(hasNoBody ? undefined : native.body);
      const length = (answer: { headers: string[] }): string | undefined =>
        answer.headers.find((line) => /^content-length:/i.test(line));
      expect(length(again)).toBe(hasNoBody ? length(native) : `Content-Length: ${native.body.length}`);
    });
  });
});

describe.each(EXPRESSES)('a head beyond ASCII on %s', (_name, express) => {
  // Its replay is the text's bytes, and so a latin1 head.
  it.each(QUIRKS)('leaves in the encoding it would have left in: %s', async (_name, handler) => {
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 100, onComplete: () => Promise.resolve() });
      next();
    };
    expect(await exchange(await serve(appOf(express, recorder, handler)))).toEqual(
      await exchange(await serve(appOf(express, handler))),
    );
  });
});

/** What a handler's answer is recorded as. */
async function recordingOf(
  express: (typeof EXPRESSES)[0][1],
  handlers: { outside?: Handler; handler: Handler; maxBytes?: number },
): Promise<Completion[]> {
  const completions: Completion[] = [];
  const recorder: Handler = (_req, res, next) => {
    record(res, { maxBytes: handlers.maxBytes ?? 1000, onComplete: (completion) => void completions.push(completion) });
    next();
  };
  const port = await serve(appOf(express, handlers.outside ?? outer, recorder, handlers.handler));
  await exchange(port);
  return completions;
}

describe.each(EXPRESSES)('a recording on %s', (_name, express) => {
  it('holds what was set behind the recorder, and what was removed there', async () => {
    const [completion] = await recordingOf(express, {
      outside: (_req, res, next) => {
        res.set({ Left: '1', Changed: '1', Removed: '1', Same: '1' });
        next();
      },
      handler: (_req, res) => {
        res.removeHeader('Removed');
        res.set({ Changed: '2', Same: '1', 'x-NEW': 'new' }).append('X-Many', ['a', 'b']).status(202).end('body');
      },
    });
    expect(completion).toEqual({
      recording: {
        status: 202,
        statusMessage: undefined,
        headers: [
          ['Changed', '2'],
          ['x-NEW', 'new'],
          ['X-Many', ['a', 'b']],
        ],
        removed: ['Removed'],
        body: Buffer.from('body'),
        isOverCap: false,
      },
      setsCookie: false,
      aborted: false,
    });
  });

  it('holds what it is told to, with the names that Connection lists', async () => {
    const asked: [name: string, connection: string[]][] = [];
    const completions: Completion[] = [];
    const port = await serve(
      appOf(express, (_req, res) => {
        record(res, {
          maxBytes: 10,
          isStored(name, connection) {
            asked.push([name, [...connection]]);
            return name === 'set-cookie';
          },
          onComplete: (completion) => void completions.push(completion),
        });
        res
          .set({ 'Set-Cookie': ['a=1', 'b=2'], 'X-Hop': '1', Connection: 'close, X-Hop', 'Content-Length': '4' })
          .end('body');
      }),
    );
    await exchange(port);
    expect(completions[0]?.recording.headers).toEqual([['Set-Cookie', ['a=1', 'b=2']]]);
    expect(asked).toContainEqual(['x-hop', ['close', 'x-hop']]);
    // How long it is, is for who gives it again.
    expect(asked.map(([name]) => name)).not.toContain('content-length');
  });

  it.each<[string, Record<string, string | string[]>]>([
    [
      'one connection',
      { Connection: 'close, X-Hop', 'X-Hop': '1', 'Keep-Alive': 'timeout=5', Upgrade: 'h2c', TE: 'x' },
    ],
    ['one proxy', { 'Proxy-Authenticate': 'Basic', 'Proxy-Connection': 'close' }],
    ['one moment', { Date: 'Mon, 01 Jan 2024 00:00:00 GMT', 'Server-Timing': 'db;dur=3' }],
    ['one client', { 'Set-Cookie': ['a=1', 'b=2'] }],
    ['one count', { RateLimit: 'x', 'RateLimit-Policy': 'x', 'RateLimit-Reset': '1', 'X-RateLimit-Limit': '3' }],
    ['one length', { 'Content-Length': '4' }],
  ])('never holds what belongs to %s', async (_what, headers) => {
    const [viaSet] = await recordingOf(express, { handler: (_req, res) => res.set(headers as never).end('body') });
    const [viaWriteHead] = await recordingOf(express, {
      handler: (_req, res) => res.writeHead(200, headers).end('body'),
    });
    expect(viaSet!.recording.headers).toEqual([]);
    expect(viaWriteHead).toEqual(viaSet);
    expect(viaSet!.setsCookie).toBe('Set-Cookie' in headers);
  });

  it.each<[string, Handler, string | undefined]>([
    ['of its own', (_req, res) => res.writeHead(201, 'Made').end(), 'Made'],
    ['of its own, set', (_req, res) => void ((res.statusMessage = 'Made'), res.status(201).end()), 'Made'],
    ['of its status', (_req, res) => res.writeHead(201, 'Created').end(), undefined],
  ])('holds a phrase %s', async (_whose, handler, statusMessage) => {
    expect((await recordingOf(express, { handler }))[0]!.recording.statusMessage).toBe(statusMessage);
  });

  it('holds, and sends, a name that a list to writeHead says twice', async () => {
    const handler: Handler = (_req, res) => res.set('Link', '<0>').writeHead(200, ['Link', '<a>', 'link', '<b>']).end();
    const completions: Completion[] = [];
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 9, onComplete: (completion) => void completions.push(completion) });
      next();
    };
    const answer = await exchange(await serve(appOf(express, recorder, handler)));
    expect(answer.headers.filter((line) => /^link/i.test(line))).toEqual(['Link: <a>', 'Link: <b>']);
    expect(completions[0]!.recording.headers).toEqual([['Link', ['<a>', '<b>']]]);
  });

  it('holds no trailers', async () => {
    const [completion] = await recordingOf(express, {
      handler(_req, res) {
        res.set('Trailer', 'X-Sum').write('body');
        res.addTrailers({ 'X-Sum': '1' });
        res.end();
      },
    });
    expect(completion!.recording).toMatchObject({ headers: [], body: Buffer.from('body') });
  });

  it('lets trailers and informational answers through as they are', async () => {
    const handler: Handler = (_req, res) => {
      res.writeProcessing();
      res.writeEarlyHints({ link: '</style.css>; rel=preload' });
      res.set('Trailer', 'X-Sum').write('body');
      res.addTrailers({ 'X-Sum': '1' });
      res.end();
    };
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 1000, onComplete: () => Promise.resolve() });
      next();
    };
    const native = await exchange(await serve(appOf(express, handler)));
    const recorded = await exchange(await serve(appOf(express, recorder, handler)));
    const undated = ({ framed }: Answer): string => framed.toString('latin1').replace(/^Date: .*$/m, '');
    expect(native.statusLine).toBe('HTTP/1.1 102 Processing');
    expect(native.framed.toString()).toContain('X-Sum: 1');
    expect(undated(recorded)).toBe(undated(native));
  });

  it.each([
    ['end', (res: ServerResponse) => res.end('12345')],
    ['writes', (res: ServerResponse) => void (res.write('123'), res.end('45'))],
    ['a promised length', (res: ServerResponse) => void (res.setHeader('Content-Length', 5), res.end('12345'))],
  ])('holds a body up to the cap and none above: %s', async (_how, answer) => {
    const at = await recordingOf(express, { handler: (_req, res) => answer(res), maxBytes: 5 });
    const above = await recordingOf(express, { handler: (_req, res) => answer(res), maxBytes: 4 });
    expect(at[0]!.recording).toMatchObject({ body: Buffer.from('12345'), isOverCap: false });
    expect(above[0]!.recording).toMatchObject({ body: undefined, isOverCap: true });
  });

  it('holds nothing of a chunk that Node refuses, nor of a head that it refuses', async () => {
    const completions = await recordingOf(express, {
      handler(_req, res) {
        expect(() => res.write(7)).toThrow(/chunk/);
        expect(() => res.write(null)).toThrow();
        expect(() => res.end({})).toThrow(/chunk/);
        expect(() => res.writeHead(99)).toThrow(/status/i);
        res.statusMessage = 'a\nb';
        expect(() => res.end('refused')).toThrow(/statusMessage/);
        expect(res.hasHeader('Content-Length')).toBe(false);
        expect(() => res.write('x', 'no such encoding' as BufferEncoding)).toThrow();
        res.statusMessage = 'Fine';
        expect(() => res.write('x', 'no such encoding' as BufferEncoding)).toThrow(/encoding/i);
        res.write('tak');
        res.end('en');
      },
    });
    expect(completions).toHaveLength(1);
    expect(completions[0]!.recording).toMatchObject({ statusMessage: 'Fine', body: Buffer.from('taken') });
  });

  it('drops what is written beyond a promised length, which would be read as the next answer', async () => {
    const recordings: Recording[] = [];
    const recorder: Handler = (_req, res, next) => {
      record(res, { maxBytes: 1000, onComplete: async ({ recording }) => void recordings.push(recording) });
      next();
    };
    const answers: Handler[] = [
      (_req, res) => res.writeHead(200, { 'Content-Length': 3 }).end('abcdef'),
      (_req, res) =>
        void (res.writeHead(200, { 'Content-Length': 3 }), res.write('abcd'), res.write('e'), res.end('f')),
    ];
    for (const handler of answers) {
      const answer = await exchange(await serve(appOf(express, recorder, handler)));
      expect(answer.framed.toString()).toBe('abc');
      expect(recordings.pop()!.body!.toString()).toBe('abc');
      expect(recordings).toEqual([]);
    }
  });
});
