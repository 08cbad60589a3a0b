import type { SingleClient } from './node-redis-client.ts';

/** What a single client is doing, in ioredis's words. */
export interface Readiness {
  readonly status: 'connecting' | 'ready' | 'reconnecting' | 'end';
  /**
   * It writes what is queued together with its handshake, and so has replies before it calls itself ready. They
   * are held until then: who hears one may have something to send.
   */
  held<T>(reply: Promise<T>): Promise<T>;
}

export function readinessOf(client: SingleClient): Readiness {
  let hasFailed = false;
  const waiting: (() => void)[] = [];

  const release = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  client.on('reconnecting', () => (hasFailed = true));
  client.on('ready', () => {
    hasFailed = false;
    release();
  });
  client.on('end', release);
  client.on('terminated', release);

  return {
    get status() {
      if (client.isReady) return 'ready';
      if (!client.isOpen) return 'end';
      // Also when it was lost before anybody listened: it has been ready once.
      return hasFailed || client.socketEpoch > 0 ? 'reconnecting' : 'connecting';
    },
    async held(reply) {
      const value = await reply;
      if (!client.isReady && client.isOpen) await new Promise<void>((resolve) => waiting.push(resolve));
      return value;
    },
  };
}
