/** When something was asked of one instance of the app, when its answer was there, and what it was. By `performance.now()`. */
interface Envelope {
  readonly instance: number;
  readonly sentAt: number;
  readonly receivedAt: number;
  /** Of HTTP; 0 when there was no answer. */
  readonly status: number;
  /** Of a refusal. */
  readonly code?: string;
}

/** One request and what came of it. */
export type Exchange = Envelope &
  (
    | { readonly op: 'take'; readonly caller: string; readonly isDegraded?: boolean }
    | { readonly op: 'login'; readonly user: string; readonly token?: string }
    | { readonly op: 'me'; readonly user: string; readonly token: string }
    | { readonly op: 'order'; readonly how: 'careful' | 'certain'; readonly key: string; readonly order?: string }
    | {
        readonly op: 'read';
        readonly page: string;
        readonly version?: number;
        readonly isDegraded?: boolean;
        /** From the memory of its process. */
        readonly isNear?: boolean;
      }
    | { readonly op: 'write'; readonly page: string; readonly version?: number; readonly isDelivered?: boolean }
  );

export type Op = Exchange['op'];
export type ExchangeOf<O extends Op> = Extract<Exchange, { op: O }>;

/** A while in which something was taken away. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** All that happened, as far as it can be told from outside. */
export interface History {
  readonly exchanges: readonly Exchange[];
  /** Redis forgot what it had acknowledged, at some instant of these: by a failover, or a restart from an empty disk. */
  readonly losses: readonly Interval[];
  /** Redis evicted keys, at as many instants of these as it liked. */
  readonly evictions: readonly Interval[];
  /** Redis ran nothing at all. */
  readonly silences: readonly Interval[];
  readonly standstills: readonly Standstill[];
  readonly stalls: readonly Stall[];
}

/** An instance was told to stand still, so what it was asked then waits; or it was killed, so that has no answer. */
export interface Standstill extends Interval {
  readonly instance: number;
  readonly how: 'stopped' | 'killed';
}

/** A process got no turn by itself, since the machine was busy: an instance, or who asks them all. */
export interface Stall extends Interval {
  readonly instance: number | 'driver';
}

/** Those that keep an answer of one instance waiting. */
export const stallsOf = (instance: number, stalls: readonly Stall[]): Stall[] =>
  stalls.filter((stall) => stall.instance === 'driver' || stall.instance === instance);

export const isWithin = (one: Interval, other: Interval): boolean => one.from >= other.from && one.to <= other.to;

export const touches = (one: Interval, other: Interval): boolean => one.from <= other.to && other.from <= one.to;

/** Those of one kind, in the order in which they were sent. */
export const exchangesOf = <O extends Op>({ exchanges }: Pick<History, 'exchanges'>, op: O): ExchangeOf<O>[] =>
  exchanges
    .filter((exchange): exchange is ExchangeOf<O> => exchange.op === op)
    .toSorted((one, other) => one.sentAt - other.sentAt);

/** Whether Redis may have forgotten something between two instants. */
export const mayHaveForgotten = ({ losses, evictions }: History, span: Interval): boolean =>
  [...losses, ...evictions].some((loss) => touches(loss, span));

export function groupedBy<T>(things: readonly T[], keyOf: (thing: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const key = keyOf(thing);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [thing]);
    else group.push(thing);
  }
  return groups;
}
