import { createReadStream, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import compression from 'compression';
import type { RequestHandler, Response } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IdempotencyOptions, idempotency } from '../src/index.ts';
import { type Answer, EXPRESSES, type Sent, options, serve } from './app.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnpike-replay-'));
  file = join(folder, 'receipt.txt');
  writeFileSync(file, 'A receipt of one enamel mug.\n'.repeat(300));
});
afterAll(() => rm(folder, { recursive: true }));

/** What a client sees of an answer, but for what is of one moment or one connection. */
function seenOf({ status, statusMessage, headers, bytes }: Answer) {
  const { date: _date, connection: _connection, 'idempotent-replayed': _replayed, ...rest } = headers;
  // The first may come in chunks, and the replay knows how long it is.
  const { 'content-length': _length, 'transfer-encoding': _encoding, ...kept } = rest;
  return { status, statusMessage, headers: kept, body: bytes.toString('latin1') };
}

const HANDLERS: [name: string, handler: (res: Response) => unknown][] = [
  ['json', (res) => res.status(201).location('/orders/7').json({ order: 7, at: 'Zürich €' })],
  ['204', (res) => res.sendStatus(204)],
  ['205', (res) => res.status(205).end()],
  ['an empty 201', (res) => res.status(201).location('/orders/7').end()],
  ['303', (res) => res.redirect(303, '/orders/7')],
  ['send(text)', (res) => res.send('<p>done</p>')],
  ['end(text)', (res) => res.end('done')],
  ['end(hex)', (res) => res.end('00ff10', 'hex')],
  ['write and end', (res) => void (res.write('do'), res.write(Buffer.from('ne')), res.end())],
  ['Content-Length and write(all)', (res) => void (res.set('Content-Length', '4').write('done'), res.end())],
  ['flushHeaders', (res) => void (res.set('X-Order', '7').flushHeaders(), res.end('done'))],
  ['writeHead', (res) => res.writeHead(202, 'Soon', { 'X-Order': '7', Link: ['<a>', '<b>'] }).end('soon')],
  ['pipe', (res) => createReadStream(file).pipe(res.type('txt'))],
  ['pipeline', (res) => pipeline(createReadStream(file), res.type('txt'))],
  ['sendFile', (res) => res.sendFile(file)],
  ['a Buffer', (res) => res.send(Buffer.from([0, 1, 254, 255]))],
  ['a handled 400', (res) => res.status(400).json({ error: 'no such mug' })],
];

describe.each(EXPRESSES)('%s: a replay is the first answer, byte for byte', (_version, express) => {
  async function twice(
    handler: (res: Response) => unknown,
    {
      before = [],
      behind = [],
      sent = [{}, {}],
      more = {},
    }: {
      before?: RequestHandler[];
      behind?: RequestHandler[];
      sent?: [Sent, Sent];
      more?: Partial<IdempotencyOptions>;
    } = {},
  ): Promise<[Answer, Answer]> {
    let runs = 0;
    const once = idempotency(options(it_.clients.client(), it_.clients.prefix, more));
    const app = express();
    for (const one of before) app.use(one);
    app.all('/orders', once, ...behind, (_req, res, next) => {
      runs += 1;
      Promise.resolve()
        .then(() => handler(res))
        .catch(next);
    });
    const post = await serve(app);
    const [first, second] = sent.map(({ headers, ...rest }) => ({
      ...rest,
      headers: { 'Idempotency-Key': 'k', ...headers },
    }));
    const answers: [Answer, Answer] = [await post('/orders', first), await post('/orders', second)];
    expect(runs).toBe(1);
    expect(answers.map(({ headers }) => headers['idempotent-replayed'])).toEqual([undefined, 'true']);
    return answers;
  }

  it.each(HANDLERS)('%s', async (_name, handler) => {
    const [first, second] = await twice(handler);
    expect(seenOf(second)).toEqual(seenOf(first));
  });

  it('HEAD', async () => {
    const head: Sent = { method: 'HEAD' };
    const [first, second] = await twice((res) => res.json({ order: 7 }), {
      sent: [head, head],
      more: { methods: ['HEAD'] },
    });
    expect(seenOf(second)).toEqual(seenOf(first));
    expect(second.headers['content-length']).toBe(first.headers['content-length']);
    expect(second.bytes).toHaveLength(0);
  });

  const gzip: Sent = { headers: { 'Accept-Encoding': 'gzip' } };
  const identity: Sent = { headers: { 'Accept-Encoding': 'identity' } };
  const plain = (answer: Answer): string =>
    String(answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.bytes) : answer.bytes);

  describe.each<[string, { before?: RequestHandler[]; behind?: RequestHandler[] }]>([
    ['outside', { before: [compression({ threshold: 0 })] }],
    ['inside', { behind: [compression({ threshold: 0 })] }],
  ])('with compression %s', (_where, mounted) => {
    it.each<[string, [Sent, Sent]]>([
      ['gzip, then gzip', [gzip, gzip]],
      ['gzip, then a client that takes none', [gzip, identity]],
      ['none, then gzip', [identity, gzip]],
    ])('%s', async (_what, sent) => {
      const body = { lines: Array.from({ length: 200 }, (_, n) => `mug ${n}`) };
      const [first, second] = await twice((res) => res.json(body), { ...mounted, sent });
      expect(plain(first)).toBe(JSON.stringify(body));
      expect(plain(second)).toBe(JSON.stringify(body));
      expect(first.headers['content-encoding']).toBe(sent[0] === gzip ? 'gzip' : undefined);
      if (sent[1] === identity) expect(second.headers['content-encoding']).toBeUndefined();
    });
  });

  it('says what its own request was told by those outside, not what the first was', async () => {
    let n = 0;
    const before: RequestHandler[] = [
      (_req, res, next) => {
        res.set('X-Request-Id', String((n += 1)));
        next();
      },
    ];
    const [first, second] = await twice((res) => res.set('X-Order', '7').end(), { before });
    expect([first.headers['x-request-id'], second.headers['x-request-id']]).toEqual(['1', '2']);
    expect(second.headers['x-order']).toBe('7');
  });

  it('is stored before its last byte leaves: who has the answer will have it again', async () => {
    const once = idempotency(options(it_.clients.client(), it_.clients.prefix));
    let runs = 0;
    const app = express().post('/orders', once, (_req, res) => {
      runs += 1;
      res.status(201).json({ runs });
    });
    const post = await serve(app);
    for (let n = 0; n < 100; n += 1) {
      const sent: Sent = { headers: { 'Idempotency-Key': `k${n}` } };
      const first = await post('/orders', sent);
      expect((await post('/orders', sent)).bytes).toEqual(first.bytes);
    }
    expect(runs).toBe(100);
  });

  it('of a large body within the cap comes whole', async () => {
    const body = Buffer.alloc(262_144, 'receipt ');
    const [first, second] = await twice((res) => res.send(body));
    expect(second.bytes.equals(first.bytes) && first.bytes.equals(body)).toBe(true);
  });
});
