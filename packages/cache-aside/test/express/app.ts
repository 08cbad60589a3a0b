import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type Clients, eventually, race } from '@turnpike/test-kit';
import express5, {
  type ErrorRequestHandler,
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import express4 from 'express4';
import { expect, onTestFinished } from 'vitest';
import { cacheResponse } from '../../src/express/index.ts';

export type ExpressOf = typeof express5;

/** Both Expresses, for `describe.each`. */
export const EXPRESSES: [version: string, express: ExpressOf][] = [
  ['Express 4', express4 as unknown as ExpressOf],
  ['Express 5', express5],
];

export type Cached = ReturnType<typeof cacheResponse>;

/** The middleware as nobody has set it up: a time to live, and nothing else. */
export const zeroOptions = (
  clients: Pick<Clients, 'client' | 'prefix'>,
  more: { deadlineMs?: number; maxBytes?: number; loadTimeoutMs?: number } = {},
): Cached =>
  cacheResponse({ redis: clients.client(), prefix: clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });

/** What a handler is given beside what Express gives it: how many times it has been called. */
export type Handler = (req: Request, res: Response, run: number, next: NextFunction) => unknown;

export interface Site {
  readonly ask: Ask;
  readonly cached: Cached;
  /** How often the handler was called, and how many requests have come. */
  readonly seen: { runs: number; arrived: number };
}

export interface SiteParts {
  /** @default any */
  path?: string | RegExp;
  before?: readonly RequestHandler[];
  /** Between the cache and the handler. */
  inside?: readonly RequestHandler[];
  set?: Readonly<Record<string, unknown>>;
  failed?: ErrorRequestHandler;
}

/** A server with one cached route. */
export async function siteOf(
  express: ExpressOf,
  cached: Cached,
  handler: Handler,
  { path = /.*/, before = [], inside = [], set = {}, failed }: SiteParts = {},
): Promise<Site> {
  const seen = { runs: 0, arrived: 0 };
  const app = appOf(express, set);
  app.use((_req, _res, next) => {
    seen.arrived += 1;
    next();
  });
  for (const one of before) app.use(one);
  app.all(path, cached as RequestHandler, ...inside, (req, res, next) => {
    seen.runs += 1;
    // What Express 5 does by itself.
    Promise.resolve(seen.runs)
      .then((run) => handler(req, res, run, next))
      .catch(next);
  });
  if (failed !== undefined) app.use(failed);
  return { ask: await serve(app), cached, seen };
}

/** An app that is silent about the errors it is meant to make. */
export function appOf(express: ExpressOf, set: Readonly<Record<string, unknown>> = {}): Express {
  const app = express();
  app.set('env', 'test');
  for (const [name, value] of Object.entries(set)) app.set(name, value);
  return app;
}

/** What is sent. A header of several values is several lines; one that is undefined is not sent, Host neither. */
export interface Sent {
  method?: string;
  headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  body?: string;
  version?: '1.0' | '1.1';
}

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  readonly statusLine: string;
  /** As they came, without Date and what belongs to the connection; sorted. */
  readonly headers: readonly string[];
  /** All values of one header, joined. */
  header(name: string): string | undefined;
  /** Without its framing. */
  readonly body: Buffer;
  readonly text: string;
  json(): any;
}

/** A connection over which one request has been sent, and what has come so far. */
export interface Wire {
  /** Resolves when what has come matches; rejects when the connection closes before. */
  until(pattern: RegExp): Promise<void>;
  text(): string;
  bytes(): Buffer;
  /** From here on it reads nothing more. */
  stopReading(): void;
  hangUp(): void;
  closed: Promise<void>;
  /** Rejects for an answer that is not whole. */
  answer(): Promise<Answer>;
}

export interface Ask {
  (path: string, sent?: Sent): Promise<Answer>;
  open(path: string, sent?: Sent): Promise<Wire>;
  /** One after the other, over one connection. */
  inTurn(path: string, ...requests: readonly Sent[]): Promise<Answer[]>;
}

/** A server of the app, until the test is over, and how to ask it: each request on a connection of its own. */
export async function serve(app: Express): Promise<Ask> {
  const server = createServer(app).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const open = (path: string, sent: Sent = {}): Promise<Wire> => wireTo(port, requestText(path, sent), sent.method);
  return Object.assign(async (path: string, sent?: Sent) => (await open(path, sent)).answer(), {
    open,
    async inTurn(path: string, ...requests: readonly Sent[]) {
      const isLast = (at: number): boolean => at === requests.length - 1;
      const text = requests.map((sent, at) => requestText(path, sent, isLast(at) ? 'close' : 'keep-alive'));
      const wire = await wireTo(port, text.join(''));
      await wire.closed;
      return answersOf(wire.bytes(), requests);
    },
  });
}

async function wireTo(port: number, request: string, method?: string): Promise<Wire> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  const bytes = (): Buffer => Buffer.concat(chunks);
  const text = (): string => bytes().toString('latin1');
  socket.on('data', (chunk) => void chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close').then(() => undefined);
  await once(socket, 'connect');
  socket.write(request);
  return {
    bytes,
    text,
    closed,
    stopReading: () => void socket.pause(),
    hangUp: () => void socket.destroy(),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(text())) resolve();
        };
        socket.on('data', look);
        socket.once('close', () => reject(new Error(`closed after: ${text()}`)));
        look();
      }),
    async answer() {
      await closed;
      return answerOf(bytes(), method);
    },
  };
}

function requestText(
  path: string,
  { method = 'GET', headers = {}, body = '', version = '1.1' }: Sent,
  connection: 'close' | 'keep-alive' = 'close',
): string {
  const all = {
    Host: 'test',
    ...(body !== '' && headers['Transfer-Encoding'] === undefined
      ? { 'Content-Length': String(Buffer.byteLength(body)) }
      : {}),
    ...headers,
    Connection: connection,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return [`${method} ${path} HTTP/${version}`, ...lines, '', body].join('\r\n');
}

const PASSING = /^(date|connection|keep-alive|transfer-encoding):/i;

function answerOf(raw: Buffer, method = 'GET'): Answer {
  const headEnd = raw.indexOf('\r\n\r\n');
  if (headEnd === -1) throw new Error(`not an answer: ${JSON.stringify(raw.toString('latin1'))}`);
  const [statusLine = '', ...lines] = raw.subarray(0, headEnd).toString('latin1').split('\r\n');
  const header = (name: string): string | undefined => {
    const start = `${name.toLowerCase()}:`;
    const values = lines.filter((line) => line.toLowerCase().startsWith(start));
    return values.length === 0 ? undefined : values.map((line) => line.slice(start.length).trim()).join(', ');
  };
  const status = Number(statusLine.split(' ')[1]);
  const framed = raw.subarray(headEnd + 4);
  const body = header('Transfer-Encoding') === 'chunked' && framed.length > 0 ? dechunked(framed) : framed;
  const length = header('Content-Length');
  const isBodiless = method === 'HEAD' || status === 204 || status === 304;
  if (isBodiless && body.length > 0) throw new Error(`a body where there can be none: ${body.toString('latin1')}`);
  if (!isBodiless && length !== undefined && Number(length) !== body.length) {
    throw new Error(`${body.length} bytes instead of ${length}`);
  }
  if (!isBodiless && header('Transfer-Encoding') === 'chunked' && framed.length === 0) throw new Error('not whole');
  return {
    status,
    statusLine,
    headers: lines.filter((line) => !PASSING.test(line)).toSorted(),
    header,
    body,
    text: body.toString(),
    json: () => JSON.parse(body.toString()) as unknown,
  };
}

/** Of answers that each have a Content-Length, or no body. */
function answersOf(raw: Buffer, requests: readonly Sent[]): Answer[] {
  let at = 0;
  return requests.map(({ method = 'GET' }) => {
    const bodyAt = raw.indexOf('\r\n\r\n', at) + 4;
    const head = raw.subarray(at, bodyAt).toString('latin1');
    const isBodiless = method === 'HEAD' || /^HTTP\/1\.1 (?:204|304) /.test(head);
    const end = bodyAt + (isBodiless ? 0 : Number(/\r\nContent-Length: (\d+)/i.exec(head)?.[1]));
    const answer = answerOf(raw.subarray(at, end), method);
    at = end;
    return answer;
  });
}

function dechunked(framed: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = framed.indexOf('\r\n', at);
    if (lineEnd === -1) throw new Error('a chunked body without an end');
    const size = Number.parseInt(framed.subarray(at, lineEnd).toString('latin1'), 16);
    if (size === 0) return Buffer.concat(parts);
    const end = lineEnd + 2 + size;
    if (end + 2 > framed.length) throw new Error('a chunk without its end');
    parts.push(framed.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}

/** The answer of the cache, as soon as it gives one. */
export async function hitOf(ask: Ask, path: string, sent?: Sent): Promise<Answer> {
  return eventually(async () => {
    const answer = await ask(path, sent);
    expect(answer.header('Cache-Status')).toMatch(/^turnpike; hit/);
    return answer;
  });
}

/** Everything that is in Redis under the prefix, as text: whose page is in there can be searched for. */
export async function storedText(clients: Pick<Clients, 'client' | 'scan'>): Promise<string> {
  const redis = clients.client();
  const parts = await Promise.all(
    (await clients.scan()).map(async (key) => {
      const type = await redis.type(key);
      if (type === 'string') return String((await redis.getBuffer(key))?.toString('latin1'));
      if (type === 'hash') return JSON.stringify(await redis.hgetall(key));
      if (type === 'set') return JSON.stringify(await redis.smembers(key));
      if (type === 'zset') return JSON.stringify(await redis.zrange(key, '0', '-1'));
      return '';
    }),
  );
  return parts.join('\n');
}

/** The warnings of this kind that there are, until the test is over. */
export function warningsSeen(code: string): Error[] {
  const seen: Error[] = [];
  const hear = (warning: Error & { code?: string }): void => {
    if (warning.code === code) seen.push(warning);
  };
  process.on('warning', hear);
  onTestFinished(() => void process.off('warning', hear));
  return seen;
}

/** A promise, and what resolves it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** The rows of a table at once, each with a path of its own; the first of a row is its name. */
export async function atOnce<Row extends readonly unknown[]>(
  rows: readonly Row[],
  check: (path: string, ...row: Row) => Promise<unknown>,
): Promise<void> {
  await race(rows.length, async (n) => {
    const row = rows[n] as Row;
    try {
      await check(`/page/${n}`, ...row);
    } catch (error) {
      throw new Error(`${String(row[0])}: ${(error as Error).message}`, { cause: error });
    }
  });
}
