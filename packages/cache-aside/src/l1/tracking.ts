import type { Way } from './wire.ts';

/** Where Redis tells RESP2 connections what has changed. */
const CHANNEL = '__redis__:invalidate';

/**
 * Client tracking in broadcasting mode (Redis 6 and later): the server tells of every key under `stem` that is written, expires
 * or is evicted, whoever did it.
 *
 * Under RESP3 ioredis drops these messages, so the connection speaks RESP2. It is redirected to itself: tracking ends with the
 * connection that asked for it, and with another one the two could be lost one without the other.
 */
export const tracking = (stem: string): Way => ({
  name: 'tracking',
  listen(connection, ears) {
    connection.on('messageBuffer', (channel: Buffer, keys: Buffer[] | null) => {
      if (channel.toString() !== CHANNEL) return;
      // None is named: all of them, after FLUSHALL.
      if (keys === null) ears.gap();
      else for (const key of keys) ears.changed(key.toString());
    });
  },
  async arm(connection) {
    const id = await connection.client('ID');
    await connection.client('TRACKING', 'ON', 'REDIRECT', Number(id), 'BCAST', 'PREFIX', stem);
    await connection.subscribe(CHANNEL);
  },
});
