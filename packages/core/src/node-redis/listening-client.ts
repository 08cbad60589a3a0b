import { EventEmitter, once } from 'node:events';
import type { SubscriberClient } from '../subscriber.ts';
import type { OwnClient } from './node-redis-client.ts';

/**
 * A connection that listens, out of a duplicate that `make` gives. It ends when node-redis gives up, which it tells by
 * none of its events: `isOpen` does.
 */
export function listeningClient(make: () => OwnClient | Promise<OwnClient>): SubscriberClient {
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

  const hear = (text: string, channel: string): void => void events.emit('message', channel, text);

  /** node-redis rejects what a lost connection has not confirmed, and would keep it lost; it is asked for again. */
  const subscribe = async (channels: string[]): Promise<void> => {
    const made = await opening;
    try {
      await made.subscribe(channels, hear);
    } catch (error) {
      if (isOver || made.isReady || !made.isOpen) throw error;
      await once(events, 'turn');
      if (isOver) throw error;
      await subscribe(channels);
    }
  };

  return {
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
}
