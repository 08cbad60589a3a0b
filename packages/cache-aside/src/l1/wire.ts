import type { RedisClient, SubscriberClient } from '@turnpike/core';

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
  /** Asks the server for it, each time the connection is ready. Resolves once nothing is missed any more. */
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
  readonly connect: () => WireConnection;
  readonly ears: Ears;
  /** So often it is asked whether anybody is at the other end, in ms. */
  readonly heartbeatMs: number;
  /** No way is left: the server has refused each. */
  readonly onDeaf: (error: unknown) => void;
}

/** How long after a connection has ended another one is opened, in ms. */
const REOPEN_MS = 100;

export function createWire({ redis, ways, connect, ears, heartbeatMs, onDeaf }: WireParts): Wire {
  let way = 0;
  let connection: WireConnection | undefined;
  let reopening: NodeJS.Timeout | undefined;
  let isClosed = false;

  // A plain property: it is looked at with every hit.
  const wire: { heardBy: Way['name'] | undefined; close(): void } = {
    heardBy: undefined,
    close() {
      isClosed = true;
      clearTimeout(reopening);
      clearInterval(heartbeat);
      leave();
    },
  };

  const lost = (): void => {
    if (wire.heardBy === undefined) return;
    wire.heardBy = undefined;
    ears.gap();
  };

  const leave = (): void => {
    const leaving = connection;
    connection = undefined;
    lost();
    leaving?.disconnect();
  };

  const reopenSoon = (): void => {
    clearTimeout(reopening);
    if (!isClosed && way < ways.length) reopening = setTimeout(open, REOPEN_MS).unref();
  };

  const arm = async (opened: WireConnection, by: Way): Promise<void> => {
    try {
      await by.arm(opened);
      if (connection !== opened) return;
      ears.gap();
      wire.heardBy = by.name;
    } catch (error) {
      if (connection !== opened || opened.status !== 'ready') return; // lost again: the next 'ready' resumes
      way += 1;
      leave();
      if (way < ways.length) reopenSoon();
      else onDeaf(error);
    }
  };

  function open(): void {
    const by = ways[way];
    if (connection !== undefined || isClosed || by === undefined || redis.status === 'end') return;
    try {
      const opened = connect();
      connection = opened;
      by.listen(opened, ears);
      opened.on('ready', () => void arm(opened, by));
      opened.on('close', () => connection === opened && lost());
      opened.on('end', () => {
        if (connection !== opened) return;
        connection = undefined;
        lost();
        reopenSoon();
      });
      // Without a listener ioredis prints every failed attempt to connect; 'ready' tells all there is to know.
      opened.on('error', () => undefined);
    } catch {
      reopenSoon(); // a Cluster that is not connected yet
    }
  }

  /** A connection that the network has forgotten says nothing, and hears nothing, for ever. */
  const heartbeat = setInterval(() => {
    const asked = connection;
    if (asked === undefined || wire.heardBy === undefined) return;
    const silent = setTimeout(() => {
      if (connection !== asked) return;
      leave();
      reopenSoon();
    }, heartbeatMs).unref();
    asked.ping().then(
      () => clearTimeout(silent),
      () => undefined,
    );
  }, heartbeatMs).unref();

  // It lives as long as its client: an app that quits its own connection is to end.
  redis.on('end', leave);
  redis.on('ready', open);
  open();

  return wire;
}
