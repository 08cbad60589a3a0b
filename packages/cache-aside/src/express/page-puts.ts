import type { Recording } from '@turnpike/core/http';
import type { Stamp } from '../envelope.ts';
import type { Lasting } from '../freshness.ts';
import type { Start } from '../load.ts';
import type { Pages } from '../pages.ts';
import { packPage, packVariants } from './page.ts';
import type { Rules, Updated } from './profile.ts';
import type { Rendered } from './render.ts';
import type { Sought } from './sought.ts';
import { isWithin, union, variantOf } from './variants.ts';

/** Pages that are stored without a lease of theirs: their stamp says whether they stand. */
export interface PagePuts {
  /** Stores a page where the next will look for it; resolves to by which fields, where those are not known there yet. */
  page(
    rendered: Rendered & { kind: 'page' },
    sought: Sought,
    tags: ReadonlySet<string>,
    start: Start,
  ): Promise<readonly string[] | undefined>;
  /** Says by which fields the pages of a URL differ, and so where they are. */
  fields(fields: readonly string[], url: string, tags: ReadonlySet<string>, stamp: Stamp): Promise<void>;
  /** Stores what has become of a page that was there. */
  updated(updated: Updated, sought: Sought, tags: ReadonlySet<string>, start: Start): Promise<void>;
}

/** By which fields the pages of a URL differ seldom changes. */
export const FIELDS_LAST: Lasting = {
  ttlMs: 86_400_000,
  negativeTtlMs: 86_400_000,
  staleMs: 0,
  staleIfErrorMs: 0,
  jitter: 0.1,
};

/** Whoever made it has compressed it. */
export const isEncoded = ({ headers }: Recording): boolean =>
  headers.some(([name]) => /^content-encoding$/i.test(name));

export function createPagePuts(pages: Pages, { normal }: Pick<Rules, 'normal'>): PagePuts {
  return {
    async page({ recording, vary, bornMs, isValidated, kept: { head, lasting } }, sought, tags, { stamp, kept }) {
      const { url, fields, headers } = sought;
      const isKnown = isWithin(vary, fields ?? []);
      const all = isKnown ? fields : union(fields ?? [], vary);
      const variant = all && variantOf(all, headers, normal);
      const payload = packPage({ ...head, bornMs, recording });
      const inherits = isValidated ? kept : undefined;
      const isCompressed = isEncoded(recording);
      await pages.put({ url, variant, stamp, tags, inherits, payload, isCompressed, freshness: lasting });
      return isKnown ? undefined : all;
    },
    fields: (fields, url, tags, stamp) =>
      pages.put({ url, variant: undefined, stamp, tags, payload: packVariants(fields), freshness: FIELDS_LAST }),
    async updated({ page, lasting }, { url, fields, headers }, tags, { stamp, kept }) {
      const variant = fields && variantOf(fields, headers, normal);
      const own = { url, variant, stamp, tags, inherits: kept, isCompressed: isEncoded(page.recording) };
      await pages.put({ ...own, payload: packPage(page), freshness: lasting });
    },
  };
}
