import type { Store } from '@turnpike/core';
import type { Codec } from './codec.ts';
import type { Compression } from './compression.ts';
import { type Meta, metaBytes } from './envelope.ts';
import { type Lasting, lifetimeOf } from './freshness.ts';
import { type Places, tagName } from './places.ts';
import { admit, forget, put } from './scripts.ts';

/** What is to be stored of a page beside what its lease is for. */
interface PageToPut extends Pick<Meta, 'stamp'> {
  readonly url: string;
  /** Undefined: what stands behind the URL alone. */
  readonly variant: string | undefined;
  readonly tags: Iterable<string>;
  /** What was there, where it is that. */
  readonly inherits?: Pick<Meta, 'tags'> | undefined;
  readonly payload: Buffer;
  /** Undefined: it is not. */
  readonly isCompressed?: boolean;
  readonly freshness: Lasting;
}

/** Pages that are stored without a lease of their own: what a load has turned out to be is known when it is over. Never rejects. */
export interface Pages {
  put(page: PageToPut): Promise<void>;
  /** Counts a variant among those that are kept, and forgets the one beyond the most. */
  admit(url: string, variant: string, lifeMs: number): Promise<void>;
}

/** The most variants that are kept of one URL. */
const MAX_VARIANTS = 20;

interface PagesParts {
  readonly store: Store;
  readonly places: Places;
  readonly codec: Codec;
  readonly compression: Compression;
  readonly coverLife: (lifeMs: number) => void;
  readonly deadlineMs: number;
}

export function createPages({ store, places, codec, compression, coverLife, deadlineMs }: PagesParts): Pages {
  const within = { deadlineMs };
  const pages: Pages = {
    async put({ url, variant, stamp, tags, inherits, payload, isCompressed, freshness }) {
      const lifetime = lifetimeOf(payload, freshness, Math.random());
      coverLife(lifetime.lifeMs);
      const { entryKey: key, channel } = places.page(url, variant);
      const all = new Set([...[...tags].map(tagName), ...(inherits?.tags ?? [])]);
      const meta = metaBytes({ stamp, tags: [...all] });
      const encoded = codec.encode(payload);
      const packed = isCompressed ? encoded : await compression.pack(encoded);
      const putting = { key, channel, ...packed, ...lifetime, meta };
      await store.call(put, putting, within).catch(() => undefined);
      if (variant !== undefined) await pages.admit(url, variant, lifetime.lifeMs);
    },
    async admit(url, variant, lifeMs) {
      const admission = { key: places.variantsKey(url), variant, ttlMs: lifeMs, maxVariants: MAX_VARIANTS };
      const dropped = await store.call(admit, admission, within).catch(() => []);
      const forgotten = dropped.map((one) => {
        const { entryKey: key, channel } = places.page(url, one);
        return store.call(forget, { key, channel }, within).catch(() => undefined);
      });
      await Promise.all(forgotten);
    },
  };
  return pages;
}
