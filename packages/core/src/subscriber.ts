import { type RedisClient, isCluster, keyPrefixOf } from './redis-client.ts';

/** What is asked of the connection that listens: an ioredis client with RESP2, on which nothing else is sent. */
export interface SubscriberClient {
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  on(event: string, listener: (...values: any[]) => void): unknown;
  disconnect(): void;
}

/** What a listener hears. */
export interface Listener {
  message(text: string): void;
  /** The connection was lost and is back: whatever was published meanwhile was missed. Look again. */
  missed(): void;
}

/** The one listening connection of a client. */
export interface Subscriber {
  /**
   * Resolves when the server has confirmed the subscription: subscribe, then look again, then wait, and no wake-up is
   * lost. The result ends it.
   */
  subscribe(channel: string, listener: Listener): Promise<() => void>;
  close(): void;
}

const subscribers = new WeakMap<RedisClient, Subscriber>();

/** The subscriber of a client, shared by all who listen on it; its connection is made when first needed. */
export function subscriberOf(client: RedisClient): Subscriber {
  let subscriber = subscribers.get(client);
  if (subscriber === undefined) {
    // RESP2, because ioredis drops invalidation pushes under RESP3.
    const override = isCluster(client) ? [] : [{ protocol: 2, lazyConnect: false }];
    const connect = (): SubscriberClient => client.duplicate(...override) as SubscriberClient;
    subscriber = createSubscriber(connect, keyPrefixOf(client));
    subscribers.set(client, subscriber);
  }
  return subscriber;
}

/**
 * A subscriber over a connection of the caller's making. `channelPrefix` is what the client puts before its keys and
 * does not put before its channels.
 */
export function createSubscriber(connect: () => SubscriberClient, channelPrefix = ''): Subscriber {
  const listeners = new Map<string, Set<Listener>>();
  let connection: SubscriberClient | undefined;

  const open = (): SubscriberClient => {
    const opened = connect();
    let wasReady = false;
    opened.on('message', (channel: string, text: string) => {
      for (const listener of listeners.get(channel) ?? []) listener.message(text);
    });
    opened.on('ready', () => {
      if (wasReady) void resume(opened);
      wasReady = true;
    });
    // Without a listener ioredis prints every failed attempt to connect; 'ready' tells all there is to know.
    opened.on('error', () => undefined);
    return opened;
  };

  /** Tells of the gap only once the server has confirmed: what is looked up after that cannot be missed again. */
  const resume = async (opened: SubscriberClient): Promise<void> => {
    const channels = [...listeners.keys()];
    if (channels.length === 0) return;
    try {
      await opened.subscribe(...channels);
    } catch {
      return; // lost again: the next 'ready' resumes
    }
    for (const heard of listeners.values()) for (const listener of heard) listener.missed();
  };

  return {
    async subscribe(name, listener) {
      const channel = channelPrefix + name;
      const heard = listeners.get(channel) ?? new Set();
      listeners.set(channel, heard.add(listener));
      connection ??= open();
      const opened = connection;
      const unsubscribe = (): void => {
        heard.delete(listener);
        if (heard.size > 0 || listeners.get(channel) !== heard) return;
        listeners.delete(channel);
        opened.unsubscribe(channel).catch(() => undefined);
      };
      try {
        await opened.subscribe(channel);
      } catch (error) {
        unsubscribe();
        throw error;
      }
      return unsubscribe;
    },
    close() {
      listeners.clear();
      connection?.disconnect();
      connection = undefined;
    },
  };
}
