import { type Recording, packRecording, unpackRecording } from '@turnpike/core/http';
import type { Entry } from '../envelope.ts';
import type { Staleness } from '../freshness.ts';

/** A response, as it is stored. */
export interface Page {
  readonly recording: Recording;
  /** When it was made, by the server's time. */
  readonly bornMs: number;
  /** How old it was then. */
  readonly ageMs: number;
  readonly staleness: Staleness;
}

/** What stands behind a URL: a page, or by which fields of a request its pages differ. */
export type Stored =
  | { readonly kind: 'page'; readonly page: Page }
  | { readonly kind: 'variants'; readonly fields: readonly string[] };

/** <kind 1>, then of a page <bornMs 8><ageMs 8><staleMs 8><staleIfErrorMs 8><length 8><recording>, of variants their fields as JSON. */
const [PAGE, VARIANTS] = [1, 2];
const NUMBERS = 5;
const PREAMBLE = 1 + 8 * NUMBERS;

export function packPage({ recording, bornMs, ageMs, staleness }: Page): Buffer {
  const preamble = Buffer.alloc(PREAMBLE);
  const packed = packRecording(recording);
  preamble.writeUInt8(PAGE);
  for (const [n, number] of [bornMs, ageMs, staleness.staleMs, staleness.staleIfErrorMs, packed.length].entries()) {
    preamble.writeDoubleBE(number, 1 + 8 * n);
  }
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
  const isWhole = payload[0] === PAGE && payload.length >= PREAMBLE && payload.readDoubleBE(33) === packed.length;
  if (!isWhole) throw new TypeError('This is no page of this layout');
  const page: Page = {
    recording: unpackRecording(packed),
    bornMs: payload.readDoubleBE(1),
    ageMs: payload.readDoubleBE(9),
    staleness: stalenessIn(payload),
  };
  return { kind: 'page', page };
}

/** How long an entry says itself that it may be stale. */
export const stalenessOf = ({ payload }: Entry): Staleness =>
  payload[0] === PAGE && payload.length >= PREAMBLE ? stalenessIn(payload) : { staleMs: 0, staleIfErrorMs: 0 };

const stalenessIn = (payload: Buffer): Staleness => ({
  staleMs: payload.readDoubleBE(17),
  staleIfErrorMs: payload.readDoubleBE(25),
});
