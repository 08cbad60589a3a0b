import type { RedisClient, SubscriberClient } from '@turnpike/core';
import { followClient } from './follow-client.ts';

/** The connection on which a tier hears: ioredis, with RESP2. */
export interface WireConnection extends SubscriberClient {
  client(...words: (string | number)[]): Promise<unknown>;
  psubscribe(...patterns: string[]): Promise<unknown>;
  ping(): Promise<unknown>;
}

/** What a tier hears. */
interface Ears {
  /** Of a key in Redis, as the server names it. */
  changed(key: string): void;
  /** Something may have been missed. */
  gap(): void;
}

/** A way to hear of every change. */
export interface Way {
  readonly name: 'tracking' | 'publish';
  /** Registers what is to be heard on a connection that is new. */
  listen(connection: WireConnection, ears: Ears): void;
  /** Asks the server for it, once the connection is ready. Resolves once nothing is missed any more. */
  arm(connection: WireConnection): Promise<void>;
}

/** A connection of its own, on which nothing but changes is heard. */
export interface Wire {
  /** How; undefined: not at present. */
  readonly heardBy: Way['name'] | undefined;
  close(): void;
}

interface WireParts {
  readonly redis: RedisClient;
  /** The best first: where the server refuses one, the next is taken. */
  readonly ways: readonly Way[];
  /** A connection that does not come back by itself: what is asked of the server is asked of this one. */
  readonly connect: () => WireConnection;
  readonly ears: Ears;
  /** So often it is asked whether anybody is at the other end, in ms. */
  readonly heartbeatMs: number;
  /** No way is left: the server has refused each. */
  readonly onDeaf: (error: unknown) => void;
}

/** How long after a connection has ended another one is opened, in ms: at first, and at last. */
const REOPEN_MS = { least: 100, most: 1000 };

/** Says no more than that now is not the time. */
const PASSING = /^(BUSY |LOADING |Command timed out|Connection is closed)/;

export function createWire({ redis, ways, connect, ears, heartbeatMs, onDeaf }: WireParts): Wire {
  let way = 0;
  let connection: WireConnection | undefined;
  /** Settles once the connection there is hears. */
  let armed: Promise<void> | undefined;
  let reopening: NodeJS.Timeout | undefined;
  let failures = 0;
  let isClosed = false;
  let wasReady = redis.status === 'ready';

  // A plain property: it is looked at with every hit.
  const wire: { heardBy: Way['name'] | undefined; close(): void } = {
    heardBy: undefined,
    close() {
      isClosed = true;
      unfollow();
      clearTimeout(reopening);
      clearInterval(heartbeat);
      leave();
    },
  };

  const leave = (): void => {
    const leaving = connection;
    connection = undefined;
    if (wire.heardBy !== undefined) {
      wire.heardBy = undefined;
      ears.gap();
    }
    leaving?.disconnect();
  };

  /** Another connection in place of the one there is, or was. */
  const replaceSoon = (): void => {
    leave();
    clearTimeout(reopening);
    if (isClosed) return;
    failures += 1;
    reopening = setTimeout(open, Math.min(failures * REOPEN_MS.least, REOPEN_MS.most)).unref();
  };

  const arm = async (opened: WireConnection, by: Way): Promise<void> => {
    try {
      await by.arm(opened);
      if (connection !== opened) return;
      failures = 0;
      ears.gap();
      wire.heardBy = by.name;
    } catch (error) {
      if (connection !== opened) return;
      if (!PASSING.test((error as Error).message)) way += 1;
      replaceSoon();
      if (way === ways.length) onDeaf(error);
    }
  };

  function open(): void {
    const by = ways[way];
    // A client that has not been used, or has been closed, has nothing that a tier could keep: it may be about to end.
    const isIdle = redis.status === 'end' || redis.status === 'wait';
    if (connection !== undefined || isClosed || by === undefined || isIdle) return;
    try {
      const opened = connect();
      connection = opened;
      by.listen(opened, ears);
      armed = new Promise((resolve) => opened.on('ready', () => resolve(arm(opened, by))));
      const over = (): void => void (connection === opened && replaceSoon());
      opened.on('close', over);
      opened.on('end', over);
      // Without a listener ioredis prints every failed attempt to connect; 'ready' tells all there is to know.
      opened.on('error', () => undefined);
    } catch {
      replaceSoon(); // a Cluster that is not connected yet
    }
  }

  /** A connection that the network has forgotten says nothing, and hears nothing, for ever. */
  const heartbeat = setInterval(() => {
    const asked = connection;
    if (asked === undefined) return;
    const silent = setTimeout(() => connection === asked && replaceSoon(), heartbeatMs).unref();
    const answered = wire.heardBy === undefined ? armed : asked.ping();
    answered?.then(
      () => clearTimeout(silent),
      // A refusal is an answer.
      (error: Error) => error.message.startsWith('NOPERM') && clearTimeout(silent),
    );
  }, heartbeatMs).unref();

  const unfollow = followClient(redis, {
    // It lives as long as its client: an app that quits its own connection is to end.
    ended: leave,
    ready() {
      // Another server may stand behind the new connection, which the wire has not followed; it may tell what the last did not.
      if (wasReady) leave();
      wasReady = true;
      way = 0;
      open();
    },
  });
  open();

  return wire;
}
