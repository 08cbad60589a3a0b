import { once as event } from 'node:events';
import { type IncomingHttpHeaders, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import express5, { type Express } from 'express';
import express4 from 'express4';
import { onTestFinished } from 'vitest';
import type { IdempotencyEvent, IdempotencyOptions, RedisClient } from '../src/index.ts';

/** Both Expresses, for `describe.each`. */
export const EXPRESSES: [version: string, express: typeof express5][] = [
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
];

/** The options of a test: the smallest that work. */
export const options = (
  redis: RedisClient,
  prefix: string,
  more: Partial<IdempotencyOptions> = {},
): IdempotencyOptions => ({ redis, prefix, scope: 'public', deadlineMs: 5000, ...more });

/** An answer, with its bytes as they came. */
export interface Answer {
  readonly status: number;
  readonly statusMessage: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;
  /** The body, where it is JSON. */
  readonly json: any;
}

/** What is sent. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** A server of the app on a port of its own, until the test is over, and how to ask it, without anything in between. */
export async function serve(app: Express): Promise<(path: string, sent?: Sent) => Promise<Answer>> {
  const server = createServer(app).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await event(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return (path, { method = 'POST', headers = {}, body, signal } = {}) =>
    new Promise((resolve, reject) => {
      const json = body === undefined || typeof body === 'string' ? {} : { 'content-type': 'application/json' };
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const length = text === undefined ? {} : { 'content-length': String(Buffer.byteLength(text)) };
      const asked = httpRequest(
        {
          port,
          host: '127.0.0.1',
          path,
          method,
          agent: false,
          headers: { ...json, ...length, ...headers },
          ...(signal && { signal }),
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const isJson = answer.headers['content-type']?.includes('json') && !answer.headers['content-encoding'];
            resolve({
              status: answer.statusCode ?? 0,
              statusMessage: answer.statusMessage ?? '',
              headers: answer.headers,
              rawHeaders: answer.rawHeaders,
              bytes,
              json: isJson && bytes.length > 0 ? JSON.parse(String(bytes)) : undefined,
            });
          });
        },
      );
      asked.on('error', reject);
      asked.end(text);
    });
}

/** The types of the events there are, until the test is over. */
export function eventsSeen(): IdempotencyEvent['type'][] {
  const seen: IdempotencyEvent['type'][] = [];
  const hear = (message: unknown): void => void seen.push((message as IdempotencyEvent).type);
  subscribe('turnpike:idempotency', hear);
  onTestFinished(() => void unsubscribe('turnpike:idempotency', hear));
  return seen;
}

/** A promise, and what resolves it. */
export function gate<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => (open = resolve));
  return { opened, open };
}
