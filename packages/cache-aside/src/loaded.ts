import type { Codec, Encoded } from './codec.ts';
import type { Meta, Stamp } from './envelope.ts';
import type { Said } from './load.ts';
import { tagName } from './places.ts';

/** A value as it was found in Redis: instants by the server's time, in ms. */
interface Held {
  readonly nowMs: number;
  readonly freshUntilMs: number;
}

export interface ValueOutcome {
  readonly kind: 'value';
  /** For one caller: see `Codec.decode`. */
  readonly value: () => unknown;
  readonly meta: Meta;
  /** Undefined: it was loaded just now. */
  readonly held?: Held;
  /** Resolves when it is known who loads it anew behind this one. */
  readonly refreshBegun?: Promise<void>;
  /** Resolves when it is stored, or will not be. */
  readonly filled?: Promise<void>;
}

/** What a load came to. Never a rejection: a loader's error is not Redis's. */
export type Outcome = ValueOutcome | { readonly kind: 'error'; readonly error: unknown };

/** Why a value is told and not stored. */
type Unstored = 'undefined' | 'too-large' | 'unserializable';

/** A value that was loaded: as it is told, and as it is stored. */
export type Loaded = {
  readonly raw: unknown;
  readonly meta: Meta;
  readonly value: () => unknown;
} & ({ readonly encoded: Encoded } | { readonly encoded: undefined; readonly why: Unstored });

export function loadedFrom(
  raw: unknown,
  { tags, inherited, version, loadMs }: Said,
  stamp: Stamp,
  codec: Codec,
  maxBytes: number,
): Loaded {
  const meta = { stamp, tags: [...new Set([...[...tags].map(tagName), ...inherited])], version, loadMs };
  const unstored = (why: Unstored): Loaded => ({ raw, meta, value: () => raw, encoded: undefined, why });
  if (raw === undefined) return unstored('undefined');
  try {
    const encoded = codec.encode(raw);
    if (encoded.payload.length > maxBytes) return unstored('too-large');
    const shared = codec.decode(encoded);
    const value = encoded.kind === 'B' ? () => codec.decode(encoded) : () => shared;
    return { raw, meta, value, encoded };
  } catch {
    return unstored('unserializable');
  }
}
