import type { Shop } from '../shop.ts';
import type { Product } from '../catalogue/products.ts';

/** What everybody who is here is told, on every instance. A message that is lost costs nothing: pages say what is true. */
export interface Announcements {
  priceChanged(product: Product): void;
  /** The result stops listening. */
  onPrice(listener: (price: Price) => void): () => void;
  close(): void;
}

interface Price {
  readonly id: string;
  readonly priceCents: number;
}

export function announcementsOf({ redis, prefix }: Shop): Announcements {
  const channel = `${redis.options.keyPrefix ?? ''}${prefix}:prices`;
  const listeners = new Set<(price: Price) => void>();
  const subscriber = redis.duplicate({ maxRetriesPerRequest: null });
  subscriber.on('error', () => undefined);
  subscriber.subscribe(channel).catch(() => undefined);
  subscriber.on('message', (_channel, text) => {
    const price = JSON.parse(text) as Price;
    for (const listener of listeners) listener(price);
  });
  return {
    priceChanged({ id, priceCents }) {
      // Not kept for later where Redis is away: it would be no news then.
      if (redis.status === 'ready') redis.publish(channel, JSON.stringify({ id, priceCents })).catch(() => undefined);
    },
    onPrice(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => subscriber.disconnect(),
  };
}
