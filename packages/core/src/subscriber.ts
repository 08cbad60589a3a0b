import { socketsRead } from './caller.ts';
import { isolated } from './isolated.ts';
import { type RedisClient, isCluster, keyPrefixOf, nodesOf } from './redis-client.ts';

/** What is asked of the connection that listens: an ioredis client with RESP2, on which nothing else is sent. */
export interface SubscriberClient {
  readonly status?: string;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  on(event: string, listener: (...values: any[]) => void): unknown;
  disconnect(): void;
}

/** What a listener hears. One that throws is warned of, and the others hear all the same. */
export interface Listener {
  message(text: string): void;
  /** The connection was lost and is back: whatever was published meanwhile was missed. Look again. */
  missed(): void;
}

/** The one listening connection of a client. */
export interface Subscriber {
  /**
   * Resolves when the server has confirmed the subscription: subscribe, then look again, then wait, and no wake-up is
   * lost. The result ends it. Pending while Redis is not there: whoever waits for it brings a deadline.
   */
  subscribe(channel: string, listener: Listener): Promise<() => void>;
  close(): void;
}

/** What ioredis is doing while it is not ready, and is going to be. */
const CONNECTING = ['connecting', 'connect', 'close', 'reconnecting'];

/** How long after a connection has ended another one is opened. */
const REOPEN_MS = 100;

/** So often it is asked whether anybody is at the other end, and so long the answer is waited for. */
const HEARTBEAT_MS = 5000;

const subscribers = new WeakMap<RedisClient, Subscriber>();

/** The subscriber of a client, shared by all who listen on it; its connection is made when first needed. */
export function subscriberOf(client: RedisClient): Subscriber {
  let subscriber = subscribers.get(client);
  if (subscriber === undefined) {
    const made = createSubscriber(() => listeningConnection(client), { channelPrefix: keyPrefixOf(client) });
    subscribers.set(client, (subscriber = made));
    // It lives as long as its client: an app that quits its own connection is to end.
    client.on('end', made.suspend);
    let wasReady = client.status === 'ready';
    client.on('ready', () => {
      // Another server may stand behind the new connection, and this one still listen to the last.
      if (wasReady) made.suspend();
      wasReady = true;
      made.resume();
    });
  }
  return subscriber;
}

/** A connection of its own to listen on. Any node of a Cluster hears what is published on any other, so one connection to one node will do. */
export function listeningConnection(client: RedisClient, override: object = {}): SubscriberClient {
  const nodes = nodesOf(client);
  const node = nodes[Math.floor(Math.random() * nodes.length)];
  if (node === undefined) throw new Error('The Cluster is not connected yet');
  // RESP2, because ioredis drops invalidation pushes under RESP3. A node that is lost is replaced by another (see 'end').
  const retry = isCluster(client) ? { retryStrategy: null } : {};
  return node.duplicate({
    protocol: 2,
    lazyConnect: false,
    enableOfflineQueue: true,
    // Whoever subscribes may wait for Redis: nothing but the end of the connection may refuse him.
    commandTimeout: undefined,
    maxRetriesPerRequest: null,
    // What a lost connection has not confirmed would else stay pending for ever.
    autoResendUnfulfilledCommands: true,
    // Who listens subscribes anew; ioredis would leave a rejection unhandled where the connection ends meanwhile, and the process with it.
    autoResubscribe: false,
    ...retry,
    ...override,
  }) as SubscriberClient;
}

/** A subscriber whose connection may be away for a while. */
interface SuspendableSubscriber extends Subscriber {
  /** Ends the connection; who listens hears of the gap after `resume`. */
  suspend(): void;
  resume(): void;
}

interface SubscriberOptions {
  /** What the client puts before its keys and does not put before its channels. */
  readonly channelPrefix?: string;
  readonly heartbeatMs?: number;
}

/** A subscriber over a connection of the caller's making. */
export function createSubscriber(
  connect: () => SubscriberClient,
  { channelPrefix = '', heartbeatMs = HEARTBEAT_MS }: SubscriberOptions = {},
): SuspendableSubscriber {
  const listeners = new Map<string, Set<Listener>>();
  let connection: SubscriberClient | undefined;
  /** A subscription was confirmed: each connection that is ready from now on has a gap before it. */
  let hasHeard = false;
  /** Those who wait for the connection to be ready, or to be no more. */
  const waiting: (() => void)[] = [];
  let reopening: NodeJS.Timeout | undefined;
  let beating: NodeJS.Timeout | undefined;

  const open = (): SubscriberClient => {
    const opened = connect();
    opened.on('message', (channel: string, text: string) => {
      for (const listener of listeners.get(channel) ?? []) isolated(() => listener.message(text));
    });
    opened.on('ready', () => {
      if (hasHeard) void catchUp(opened);
      goOn();
    });
    opened.on('end', () => {
      if (connection !== opened) return;
      goOn();
      clearInterval(beating);
      connection = undefined;
      if (listeners.size > 0) reopening = setTimeout(reopen, REOPEN_MS);
    });
    // Without a listener ioredis prints every failed attempt to connect; 'ready' tells all there is to know.
    opened.on('error', () => undefined);
    clearInterval(beating);
    beating = heartbeat(opened);
    return opened;
  };

  /** A connection that the network has forgotten says nothing, and hears nothing, for ever: another one in its place. */
  const heartbeat = (opened: SubscriberClient): NodeJS.Timeout => {
    let isAsked = false;
    const replaceIfSilent = async (): Promise<void> => {
      await socketsRead();
      if (!isAsked || connection !== opened) return;
      disconnect();
      reopen();
    };
    return setInterval(() => {
      const [channel] = listeners.keys();
      if (channel === undefined) return;
      if (isAsked) return void replaceIfSilent();
      isAsked = true;
      void turned(opened)
        .then(() => beat(opened, channel))
        .then(() => (isAsked = false));
    }, heartbeatMs).unref();
  };

  /** After a connection that will not come back: another one, for as long as somebody listens. */
  const reopen = (): void => {
    if (connection !== undefined || listeners.size === 0) return;
    try {
      connection = open();
    } catch {
      reopening = setTimeout(reopen, REOPEN_MS);
    }
  };

  /** Tells of the gap only once the server has confirmed: what is looked up after that cannot be missed again. */
  const catchUp = async (opened: SubscriberClient): Promise<void> => {
    const channels = [...listeners.keys()];
    if (channels.length === 0) return;
    try {
      await opened.subscribe(...channels);
    } catch {
      // Lost again, and the next 'ready' resumes; or refused, as by a server that is busy with a script.
      setTimeout(() => connection === opened && void catchUp(opened), heartbeatMs).unref();
      return;
    }
    for (const heard of listeners.values()) for (const listener of heard) isolated(() => listener.missed());
  };

  const disconnect = (): void => {
    clearTimeout(reopening);
    clearInterval(beating);
    const closing = connection;
    connection = undefined;
    closing?.disconnect();
    goOn();
  };

  const goOn = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };

  /**
   * Resolves when it is ready, or over. What ioredis 5 is asked before, it sends before its ready check, which is refused then; it ends the
   * connection over that, and forgets what was asked.
   */
  const turned = async (asked: SubscriberClient): Promise<void> => {
    if (CONNECTING.includes(asked.status ?? '')) await new Promise<void>((resolve) => waiting.push(resolve));
  };

  /** Resolves when the server has confirmed, if another one has to be asked when a connection was replaced. */
  const confirmed = async (channel: string): Promise<void> => {
    const asked = (connection ??= open());
    try {
      await turned(asked);
      await asked.subscribe(channel);
      hasHeard = true;
    } catch (error) {
      if (connection === undefined || connection === asked) throw error;
      await confirmed(channel);
    }
  };

  return {
    suspend: disconnect,
    resume: reopen,
    async subscribe(name, listener) {
      const channel = channelPrefix + name;
      const heard = listeners.get(channel) ?? new Set();
      listeners.set(channel, heard.add(listener));
      const unsubscribe = (): void => {
        heard.delete(listener);
        if (heard.size > 0 || listeners.get(channel) !== heard) return;
        listeners.delete(channel);
        connection?.unsubscribe(channel).catch(() => undefined);
      };
      try {
        await confirmed(channel);
      } catch (error) {
        unsubscribe();
        throw error;
      }
      return unsubscribe;
    },
    close() {
      listeners.clear();
      disconnect();
    },
  };
}

/**
 * Resolves when the server has answered, if only with a refusal. It takes no right but those that listening takes; and a
 * channel that nobody listens to, since node-redis sends nothing for one that it has.
 */
async function beat(connection: SubscriberClient, channel: string): Promise<void> {
  const name = `${channel}:heartbeat`;
  await connection.subscribe(name).catch(() => undefined);
  await connection.unsubscribe(name).catch(() => undefined);
}
