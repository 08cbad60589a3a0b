import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Recording, replay } from '../src/http/index.ts';
import {
  type Answer,
  EXPRESSES,
  type Handler,
  appOf,
  exchange,
  gate,
  requestText,
  serve,
  wireTo,
} from './recorder-app.ts';

const TEXT = Buffer.from('bytes that were given once. '.repeat(50));

const recordingOf = (given: Partial<Recording>): Recording => ({
  status: 200,
  statusMessage: undefined,
  headers: [],
  removed: [],
  body: TEXT,
  isOverCap: false,
  ...given,
});

const replayer =
  (recording: Recording): Handler =>
  (req, res, next) =>
    void replay(recording, req, res).catch(next);

const headerOf = (answer: Answer, name: string): string | undefined =>
  answer.headers.find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}: `))?.slice(name.length + 2);

const CODINGS: [coding: string, body: Buffer][] = [
  ['gzip', zlib.gzipSync(TEXT)],
  ['x-gzip', zlib.gzipSync(TEXT)],
  ['GZIP', zlib.gzipSync(TEXT)],
  ['deflate', zlib.deflateSync(TEXT)],
  ['deflate', zlib.deflateRawSync(TEXT)],
  ['br', zlib.brotliCompressSync(TEXT)],
  ['gzip, br', zlib.brotliCompressSync(zlib.gzipSync(TEXT))],
  ['br, identity, deflate', zlib.deflateSync(zlib.brotliCompressSync(TEXT))],
];
const { zstdCompressSync } = zlib as { zstdCompressSync?: (body: Buffer) => Buffer };
if (zstdCompressSync !== undefined) CODINGS.push(['zstd', zstdCompressSync(TEXT)]);

describe.each(EXPRESSES)('a replay on %s', (_name, express) => {
  const answerTo = async (recording: Recording, headers: Record<string, string> = {}, method = 'GET') =>
    exchange(await serve(appOf(express, replayer(recording))), { method, headers });

  it('is put over what was set for this request', async () => {
    const outer: Handler = (_req, res, next) => {
      res.set({ 'X-Request': '2', 'X-Both': 'outer', 'X-Gone': 'outer' });
      next();
    };
    const recording = recordingOf({
      status: 201,
      statusMessage: 'Made',
      headers: [
        ['x-both', 'recorded'],
        ['Link', ['<a>', '<b>']],
      ],
      removed: ['X-Gone', 'X-Powered-By'],
    });
    const answer = await exchange(await serve(appOf(express, outer, replayer(recording))));
    expect(answer).toMatchObject({ statusLine: 'HTTP/1.1 201 Made', body: TEXT });
    expect(answer.headers).toEqual(
      [
        'Connection: close',
        `Content-Length: ${TEXT.length}`,
        'Link: <a>',
        'Link: <b>',
        'X-Request: 2',
        'x-both: recorded',
      ].toSorted(),
    );
  });

  it.each<[string, Record<string, string>]>([
    ['304', { 'If-None-Match': '"v1"' }],
    ['206', { Range: 'bytes=0-3' }],
  ])('is not turned into a %s', async (_status, headers) => {
    const answer = await answerTo(recordingOf({ headers: [['ETag', '"v1"']] }), headers);
    expect(answer).toMatchObject({ statusLine: 'HTTP/1.1 200 OK', body: TEXT });
  });

  it('answers HEAD with the length of a body, and without it', async () => {
    const answer = await answerTo(recordingOf({}), {}, 'HEAD');
    expect([answer.framed.length, headerOf(answer, 'Content-Length')]).toEqual([0, String(TEXT.length)]);
  });

  it.each([0, 256, 8448])('gives %i bytes of every value as they are', async (length) => {
    const body = Buffer.from(Uint8Array.from({ length }, (_, at) => at % 256));
    const answer = await answerTo(recordingOf({ body, headers: [['X-Name', 'caf\u00e9']] }));
    expect(answer.body).toEqual(body);
    expect(headerOf(answer, 'Content-Length')).toBe(String(length));
  });

  it('stays as it is, whatever a hook outside makes of its bytes', async () => {
    const outer: Handler = (req, res, next) => {
      const { end } = res;
      if (req.headers['x-spoil'] === undefined) return next();
      res.end = ((chunk: Buffer) => Reflect.apply(end, res, [chunk.fill('-')]) as typeof res) as typeof end;
      next();
    };
    const origin = await serve(appOf(express, outer, replayer(recordingOf({ body: Buffer.from('once') }))));
    const textOf = async (headers: Record<string, string>) => (await exchange(origin, { headers })).body.toString();
    expect([await textOf({ 'X-Spoil': '1' }), await textOf({})]).toEqual(['----', 'once']);
  });

  it('promises no bytes that were never recorded', async () => {
    const head = recordingOf({ body: undefined, headers: [['Content-Length', '12']] });
    expect(headerOf(await answerTo(head), 'Content-Length')).toBe('0');
    expect(headerOf(await answerTo(head, {}, 'HEAD'), 'Content-Length')).toBe('12');
    await expect(
      replay(recordingOf({ isOverCap: true, body: undefined }), undefined as never, undefined as never),
    ).rejects.toThrow(/over the cap/);
  });

  it.each(CODINGS)('is decoded for a client that does not take it: %s', async (coding, body) => {
    const recording = recordingOf({
      body,
      headers: [
        ['Content-Encoding', coding],
        ['ETag', '"strong"'],
        ['Vary', 'Origin'],
        ['Content-Digest', 'sha-256=:x:'],
      ],
    });
    const headers: Record<string, string>[] = [
      {},
      { 'Accept-Encoding': 'identity' },
      { 'Accept-Encoding': 'lzma, *;q=0' },
    ];
    for (const accepted of headers) {
      const answer = await answerTo(recording, accepted);
      expect(answer.body.toString()).toBe(TEXT.toString());
      expect(headerOf(answer, 'Content-Encoding')).toBeUndefined();
      expect(headerOf(answer, 'Content-Digest')).toBeUndefined();
      expect(headerOf(answer, 'ETag')).toBe('W/"strong"');
      expect(headerOf(answer, 'Vary')).toBe('Origin, Accept-Encoding');
      const head = await answerTo(recording, accepted, 'HEAD');
      expect([head.framed.length, head.headers.find((line) => /length/i.test(line))]).toEqual([0, undefined]);
    }
    for (const accepted of [{ 'Accept-Encoding': coding }, { 'Accept-Encoding': '*' }]) {
      const answer = await answerTo(recording, accepted);
      expect(answer.body).toEqual(body);
      expect(headerOf(answer, 'Content-Encoding')).toBe(coding);
      expect(headerOf(answer, 'ETag')).toBe('"strong"');
      expect(headerOf(answer, 'Vary')).toBe('Origin');
    }
  });

  it.each<[string, Partial<Recording>]>([
    ['an unknown coding', { headers: [['Content-Encoding', 'rot13']] }],
    ['an unknown coding among known ones', { headers: [['Content-Encoding', 'gzip, rot13']] }],
    ['a part of an encoded answer', { status: 206, headers: [['Content-Encoding', 'gzip']] }],
  ])('leaves alone %s', async (_what, given) => {
    const answer = await answerTo(recordingOf(given), { 'Accept-Encoding': 'identity' });
    expect(answer.body).toEqual(TEXT);
    expect(headerOf(answer, 'Content-Encoding')).toBe(given.headers![0]![1]);
    expect(headerOf(answer, 'Vary')).toBeUndefined();
  });

  it('decodes no faster than its client reads', async () => {
    const body = zlib.gzipSync(Buffer.alloc(100_000_000));
    const recording = recordingOf({ body, headers: [['Content-Encoding', 'gzip']] });
    const wire = await wireTo(await serve(appOf(express, replayer(recording))));
    wire.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    wire.send(requestText());
    await sleep(150);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  });

  it('breaks the connection and rejects when the body is not what its head says', async () => {
    const errors: unknown[] = [];
    const recording = recordingOf({ headers: [['Content-Encoding', 'gzip']] });
    const handler: Handler = (req, res) => replay(recording, req, res).catch((error: unknown) => errors.push(error));
    const wire = await wireTo(await serve(appOf(express, handler)));
    wire.send(requestText());
    await wire.closed;
    expect(errors).toEqual([expect.objectContaining({ code: 'Z_DATA_ERROR' })]);
  });

  it.each<[string, Recording]>([
    ['before', recordingOf({})],
    ['before, and a body to decode', recordingOf({ body: CODINGS[0]![1], headers: [['Content-Encoding', 'gzip']] })],
  ])('resolves when its client hung up %s', async (_when, recording) => {
    const [handling, done] = [gate(), gate()];
    const handler: Handler = async (req, res) => {
      handling.open();
      await once(res, 'close');
      await replay(recording, req, res);
      done.open();
    };
    const wire = await wireTo(await serve(appOf(express, handler)));
    wire.send(requestText());
    await handling.opened;
    wire.socket.destroy();
    await done.opened;
  });

  it('resolves when its client hangs up while it is decoded', async () => {
    const recording = recordingOf({
      body: zlib.gzipSync(Buffer.alloc(50_000_000)),
      headers: [['Content-Encoding', 'gzip']],
    });
    const done = gate();
    const handler: Handler = async (req, res) => {
      await replay(recording, req, res);
      done.open();
    };
    const wire = await wireTo(await serve(appOf(express, handler)));
    wire.send(requestText());
    await wire.until(/\r\n\r\n/);
    wire.socket.destroy();
    await done.opened;
  });
});
