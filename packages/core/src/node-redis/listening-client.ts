import { EventEmitter, once } from 'node:events';
import type { SubscriberClient } from '../subscriber.ts';
import type { Hear, OwnClient } from './node-redis-client.ts';

/** What a tier in the process asks of its connection beyond subscribing: only a connection to one server can do it. */
export interface TrackingClient extends SubscriberClient {
  client(...words: (string | number)[]): Promise<unknown>;
  psubscribe(...patterns: string[]): Promise<unknown>;
  ping(): Promise<unknown>;
}

interface Listening {
  readonly events: EventEmitter;
  readonly opening: Promise<OwnClient>;
  readonly subscriber: SubscriberClient;
}

/**
 * A connection that listens, out of a duplicate that `make` gives. It ends when node-redis gives up, which it tells by
 * none of its events: `isOpen` does.
 */
function listen(make: () => OwnClient | Promise<OwnClient>): Listening {
  const events = new EventEmitter();
  let client: OwnClient | undefined;
  let isOver = false;

  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    events.emit('end');
    events.emit('turn');
  };

  const open = async (): Promise<OwnClient> => {
    const made = await make();
    client = made;
    made.on('error', () => {
      if (!made.isOpen) finish();
    });
    made.on('ready', () => {
      events.emit('ready');
      events.emit('turn');
    });
    made.on('end', finish);
    // Rejects when it will not try again.
    if (!isOver) made.connect().catch(finish);
    return made;
  };
  const opening = open();
  opening.catch(finish);

  const hear: Hear = (said, channel) => {
    if (typeof said === 'string') events.emit('message', channel, said);
    else events.emit('messageBuffer', Buffer.from(channel), said?.map((key) => Buffer.from(key)) ?? null);
  };

  const whenReady = async (): Promise<OwnClient> => {
    const made = await opening;
    if (made.isReady) return made;
    if (isOver) throw new Error('Connection is closed.');
    await once(events, 'turn');
    return whenReady();
  };

  /**
   * node-redis rejects what a lost connection has not confirmed, and would keep it lost; it is asked for again. What it is asked for
   * before it is ready it sends later, and after a failed attempt to connect it has no ear for it any more.
   */
  const subscribe = async (channels: string[]): Promise<void> => {
    const made = await whenReady();
    try {
      await made.subscribe(channels, hear);
    } catch (error) {
      if (isOver || made.isReady || !made.isOpen) throw error;
      await subscribe(channels);
    }
  };

  const subscriber: SubscriberClient = {
    get status() {
      return client?.isReady === true ? 'ready' : 'connecting';
    },
    subscribe: (...channels) => subscribe(channels),
    async unsubscribe(...channels) {
      await (await opening).unsubscribe(channels, hear);
    },
    on: (event, listener) => events.on(event, listener),
    disconnect() {
      finish();
      if (client?.isOpen === true) client.destroy();
    },
  };
  return { events, opening, subscriber };
}

export const listeningClient = (make: () => OwnClient | Promise<OwnClient>): SubscriberClient =>
  listen(make).subscriber;

/** The same of one server, which can be asked to tell of changed keys, too. */
export function trackingClient(make: () => OwnClient | Promise<OwnClient>): TrackingClient {
  const { events, opening, subscriber } = listen(make);
  return Object.assign(subscriber, {
    client: async (...words: (string | number)[]) => (await opening).sendCommand(['client', ...words.map(String)]),
    ping: async () => (await opening).ping(),
    async psubscribe(...patterns: string[]) {
      const hear = (text: string, channel: string): void => void events.emit('pmessage', undefined, channel, text);
      await (await opening).pSubscribe(patterns, hear);
    },
  });
}
