import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import express5 from 'express';
import express4 from 'express4';
import { afterEach } from 'vitest';

export const EXPRESSES: [string, typeof express5][] = [
  ['Express 4', express4 as unknown as typeof express5],
  ['Express 5', express5],
];

export type Handler = (req: express5.Request, res: express5.Response, next: express5.NextFunction) => unknown;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

export async function serve(app: RequestListener): Promise<number> {
  const server = createServer(app).listen(0, '127.0.0.1');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** An app that is silent about the errors it is meant to make. */
export function appOf(express: typeof express5, ...handlers: Handler[]): express5.Express {
  const app = express();
  app.set('env', 'test');
  app.all('/', ...(handlers as express5.RequestHandler[]));
  return app;
}

/** A connection, and what has come through it so far. */
export interface Wire {
  readonly socket: Socket;
  text(): string;
  bytes(): Buffer;
  send(request: string): void;
  /** Resolves when what has come matches, rejects when the connection closes before. */
  until(pattern: RegExp): Promise<string>;
  closed: Promise<void>;
}

export async function wireTo(port: number): Promise<Wire> {
  const socket = connect(port, '127.0.0.1');
  closers.push(() => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => void chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close').then(() => undefined);
  await once(socket, 'connect');
  const bytes = (): Buffer => Buffer.concat(chunks);
  const text = (): string => bytes().toString('latin1');
  return {
    socket,
    bytes,
    text,
    closed,
    send: (request) => void socket.write(request),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(text())) resolve(text());
        };
        socket.on('data', look);
        socket.once('close', () => reject(new Error(`closed after: ${text()}`)));
        look();
      }),
  };
}

export interface RequestParts {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
}

export const requestText = ({ method = 'GET', path = '/', headers = {} }: RequestParts = {}): string =>
  [
    `${method} ${path} HTTP/1.1`,
    'Host: test',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n');

export interface Answer {
  readonly statusLine: string;
  /** Sorted, without Date. */
  readonly headers: string[];
  /** As it came, with its framing. */
  readonly framed: Buffer;
  /** Without its framing. */
  readonly body: Buffer;
  /** Of a chunked body. */
  readonly trailers: string;
}

/** The whole answer to one request, byte by byte, on a connection of its own. */
export async function exchange(port: number, parts: RequestParts = {}): Promise<Answer> {
  const wire = await wireTo(port);
  wire.send(requestText({ ...parts, headers: { ...parts.headers, Connection: 'close' } }));
  await wire.closed;
  return parsed(wire.bytes());
}

export function parsed(raw: Buffer): Answer {
  const headEnd = raw.indexOf('\r\n\r\n');
  if (headEnd === -1) throw new Error(`not an answer: ${JSON.stringify(raw.toString('latin1'))}`);
  const [statusLine = '', ...headers] = raw.subarray(0, headEnd).toString('latin1').split('\r\n');
  const framed = raw.subarray(headEnd + 4);
  const isChunked = headers.some((line) => /^transfer-encoding: chunked$/i.test(line));
  return {
    statusLine,
    headers: headers.filter((line) => !/^date:/i.test(line)).toSorted(),
    framed,
    ...(isChunked ? dechunked(framed) : { body: framed, trailers: '' }),
  };
}

function dechunked(framed: Buffer): { body: Buffer; trailers: string } {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = framed.indexOf('\r\n', at);
    if (lineEnd === -1) throw new Error('a chunked body without an end');
    const size = Number.parseInt(framed.subarray(at, lineEnd).toString('latin1'), 16);
    if (size === 0) return { body: Buffer.concat(parts), trailers: framed.subarray(lineEnd + 2).toString('latin1') };
    parts.push(framed.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

/** The headers that say what an answer is, not how it travels. */
export const lasting = (headers: readonly string[]): string[] =>
  headers.filter((line) => !/^(connection|keep-alive|transfer-encoding|content-length|trailer):/i.test(line));

/** Long enough for Express to have done with a handler that failed, however slow this machine is. */
export async function afterFailures(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
}

export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
