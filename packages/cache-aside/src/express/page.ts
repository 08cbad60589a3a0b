import { type Recording, packRecording, unpackRecording } from '@turnpike/core/http';
import { type Entry, holdsValue } from '../envelope.ts';
import type { Staleness } from '../freshness.ts';

/** What is known of a response that is stored, beside what it says. */
export interface PageHead {
  /** When it was made, by the server's time. */
  readonly bornMs: number;
  /** How old it was then. */
  readonly ageMs: number;
  /** How old it may become and be fresh; Infinity: its entry says for how long it is. */
  readonly lifetimeMs: number;
  /** How long after that it may be served all the same. */
  readonly staleness: Staleness;
  /** It is served only after its handler has said that it still holds, fresh or not. */
  readonly mustValidate: boolean;
  /** Whoever asks, it is never served when it is expired. */
  readonly isStrict: boolean;
  /** It names a version of itself, by which its handler may be asked whether it still holds. */
  readonly canValidate: boolean;
}

/** A response, as it is stored. */
export interface Page extends PageHead {
  readonly recording: Recording;
}

/** What stands behind a URL: a page, or by which fields of a request its pages differ. */
export type Stored =
  | { readonly kind: 'page'; readonly page: Page }
  | { readonly kind: 'variants'; readonly fields: readonly string[] };

/** <kind 1>, then of a page seven doubles and its recording, of variants their fields as JSON. */
const [PAGE, VARIANTS] = [1, 2];

/** Where each double is. */
const AT = { bornMs: 1, ageMs: 9, lifetimeMs: 17, staleMs: 25, staleIfErrorMs: 33, demands: 41, length: 49 };
const PREAMBLE = 57;

/** What is yes or no, as bits. */
const DEMANDS = { mustValidate: 1, isStrict: 2, canValidate: 4 };

export function packPage({ recording, staleness, ...page }: Page): Buffer {
  const preamble = Buffer.alloc(PREAMBLE);
  const packed = packRecording(recording);
  preamble.writeUInt8(PAGE);
  preamble.writeDoubleBE(page.bornMs, AT.bornMs);
  preamble.writeDoubleBE(page.ageMs, AT.ageMs);
  preamble.writeDoubleBE(page.lifetimeMs, AT.lifetimeMs);
  preamble.writeDoubleBE(staleness.staleMs, AT.staleMs);
  preamble.writeDoubleBE(staleness.staleIfErrorMs, AT.staleIfErrorMs);
  const demands =
    (page.mustValidate ? DEMANDS.mustValidate : 0) +
    (page.isStrict ? DEMANDS.isStrict : 0) +
    (page.canValidate ? DEMANDS.canValidate : 0);
  preamble.writeDoubleBE(demands, AT.demands);
  preamble.writeDoubleBE(packed.length, AT.length);
  return Buffer.concat([preamble, packed]);
}

export const packVariants = (fields: readonly string[]): Buffer =>
  Buffer.concat([Buffer.from([VARIANTS]), Buffer.from(JSON.stringify(fields))]);

/** Throws for what neither of them packed. */
export function unpack(payload: Buffer): Stored {
  if (payload[0] === VARIANTS) {
    const fields: unknown = JSON.parse(payload.toString('utf8', 1));
    if (Array.isArray(fields) && fields.every((field) => typeof field === 'string'))
      return { kind: 'variants', fields };
  }
  const packed = payload.subarray(PREAMBLE);
  const isWhole = isPage(payload) && payload.readDoubleBE(AT.length) === packed.length;
  if (!isWhole) throw new TypeError('This is no page of this layout');
  return { kind: 'page', page: { ...headIn(payload), recording: unpackRecording(packed) } };
}

/** The same, of an entry. */
export const opened = ({ payload }: Pick<Entry, 'payload'>): Stored => unpack(payload);

/** What is known of a page, without reading all of it; undefined for what is none. */
export const pageHeadOf = (entry: Entry): PageHead | undefined =>
  holdsValue(entry) && isPage(entry.payload) ? headIn(entry.payload) : undefined;

/** How long an entry says itself that it may be stale. */
export const stalenessOf = (entry: Entry): Staleness =>
  pageHeadOf(entry)?.staleness ?? { staleMs: 0, staleIfErrorMs: 0 };

const isPage = (payload: Buffer): boolean => payload[0] === PAGE && payload.length >= PREAMBLE;

function headIn(payload: Buffer): PageHead {
  const demands = payload.readDoubleBE(AT.demands);
  return {
    bornMs: payload.readDoubleBE(AT.bornMs),
    ageMs: payload.readDoubleBE(AT.ageMs),
    lifetimeMs: payload.readDoubleBE(AT.lifetimeMs),
    staleness: { staleMs: payload.readDoubleBE(AT.staleMs), staleIfErrorMs: payload.readDoubleBE(AT.staleIfErrorMs) },
    mustValidate: (demands & DEMANDS.mustValidate) !== 0,
    isStrict: (demands & DEMANDS.isStrict) !== 0,
    canValidate: (demands & DEMANDS.canValidate) !== 0,
  };
}
