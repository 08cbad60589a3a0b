/** What all caches hold: a product of a catalogue, as JSON about one kilobyte. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly priceCents: number;
  readonly stock: number;
  readonly description: string;
  readonly categories: readonly string[];
  readonly ratings: readonly { readonly stars: number; readonly count: number }[];
}

const SENTENCE = 'Enamelled steel, made to be dropped, and good for coffee, tea and soup on any fire. ';

/** Ids say how large a product is: `small7` has nearly no description, `64kb` one of 64 kB; all others one of 1 kB. */
function descriptionBytes(id: string): number {
  if (id.startsWith('small')) return SENTENCE.length;
  const kilobytes = /^(\d+)kb/.exec(id)?.[1];
  return kilobytes === undefined ? 760 : Number(kilobytes) * 1024;
}

export const productOf = (id: string): Product => ({
  id,
  name: 'Enamel mug',
  priceCents: 1200,
  stock: 500,
  description: SENTENCE.repeat(Math.ceil(descriptionBytes(id) / SENTENCE.length)),
  categories: ['kitchen', 'outdoor', 'mugs'],
  ratings: [5, 4, 3, 2, 1].map((stars) => ({ stars, count: stars * 17 })),
});

/** The tags of a product, where a case has tags. */
export const TAGS: readonly string[] = ['catalogue', 'kitchen'];

/** As many as its id says: eight for `8tags3`; otherwise those. */
export function tagsOf(id: string): readonly string[] {
  const count = /^(\d+)tags/.exec(id)?.[1];
  return count === undefined ? TAGS : Array.from({ length: Number(count) }, (_, n) => `category-${n}`);
}

/** How long all of them keep it: an hour, or in a variant that ends in 'brief' a second. */
export const ttlMsOf = (variant: string): number => (variant.endsWith('brief') ? 1000 : 3_600_000);

/** How long the source takes for it: no time, or for an id that begins with 'slow' as long as a database. */
export const sourceMsOf = (id: string): number => (id.startsWith('slow') ? 50 : 0);

/** What a cache has to be told before it keeps a megabyte, and the quotes around it. */
export const LARGE: { readonly maxBytes: number } = { maxBytes: 2 * 1_048_576 };
