import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';
import type { Foundation, UnderFireApp } from '../app.ts';
import { watchStalls } from '../stalls.ts';
import { CLIENT } from './client.ts';
import { databaseAt } from './database-over-http.ts';
import { skewClock } from './skewed-date.ts';

/** What a process of the app is started with. */
export interface ProcessArgs {
  readonly redis: { readonly host: string; readonly port: number };
  readonly databaseUrl: string;
  readonly prefix: string;
}

/** What it says. */
export type FromProcess =
  | { readonly kind: 'listening'; readonly port: number }
  /** It got no turn; in ms since 1970, by a clock that is never wrong. */
  | { readonly kind: 'stall'; readonly from: number; readonly to: number }
  | { readonly kind: 'complaint'; readonly what: string };

/** What it is told: how wrong its clock is from now on. */
export interface ToProcess {
  readonly skewMs: number;
}

/** A connection that the server ends just as the client uses it again is no fault of anybody's. */
const KEEP_ALIVE_MS = 60_000;

/** What faults explain: a server that is full evicts by any policy. */
const EXPLAINED: readonly (string | undefined)[] = ['TURNPIKE_WARN_EVICTION'];

/** Serves an app as one process of a fleet, until it is killed. */
export const serve = (createApp: (foundation: Foundation) => Pick<UnderFireApp, 'app'>): Promise<void> =>
  runMember<ProcessArgs, void>(async ({ args, send, onMessage }) => {
    const say = (message: FromProcess): void => send(message);
    const complain = (kind: string) => (error: unknown) =>
      say({ kind: 'complaint', what: `${kind}: ${error instanceof Error ? error.stack : String(error)}` });
    process.on('unhandledRejection', complain('unhandled rejection'));
    process.on('uncaughtException', complain('uncaught exception'));
    process.on('warning', (warning: Error & { code?: string }) => {
      if (!EXPLAINED.includes(warning.code)) complain('warning')(warning);
    });

    watchStalls(({ from, to }) =>
      say({ kind: 'stall', from: from + performance.timeOrigin, to: to + performance.timeOrigin }),
    );

    const redis = new Redis({ ...args.redis, ...CLIENT });
    redis.on('error', () => undefined);
    const { app } = createApp({ redis, prefix: args.prefix, database: databaseAt(args.databaseUrl) });
    const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onMessage((message) => skewClock((message as ToProcess).skewMs));
    say({ kind: 'listening', port: (server.address() as AddressInfo).port });
    await new Promise(() => undefined);
  });
