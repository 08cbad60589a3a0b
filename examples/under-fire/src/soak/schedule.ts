import { pick } from '../random.ts';

/** Who is harmed: the server, the network before one process or before all, or one process. */
const LANES = {
  redis: ['pause', 'kill', 'script flush', 'maxmemory'],
  network: ['refuse', 'blackhole', 'delay', 'slow replies', 'cut', 'drop replies'],
  process: ['SIGKILL', 'SIGSTOP', 'clock skew'],
} as const;

type Lane = keyof typeof LANES;

/** Everything that is done to the app and to its Redis. */
export type FaultKind = { [L in Lane]: `${L} ${(typeof LANES)[L][number]}` }[Lane];

export const FAULT_KINDS: readonly FaultKind[] = (Object.keys(LANES) as Lane[]).flatMap((lane) =>
  LANES[lane].map((name) => `${lane} ${name}` as FaultKind),
);

export const POLICIES = [
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
] as const;

/** One thing that is done. */
export interface Fault {
  readonly kind: FaultKind;
  /** After the beginning of its round, in ms. */
  readonly atMs: number;
  readonly forMs: number;
  /** Of the network or a process: before or of which one; undefined for all. */
  readonly slot: number | undefined;
  /** Of `redis maxmemory`. */
  readonly policy: (typeof POLICIES)[number] | undefined;
  /** From 0 to below 1: how bad it is, where that can be more or less. */
  readonly degree: number;
}

/** What it is called in a list of them: of a full server, how it is full. */
export const nameOf = ({ kind, policy }: Pick<Fault, 'kind' | 'policy'>): string =>
  policy === undefined ? kind : `${kind} ${policy}`;

/** What overlaps, and is over before all has to be well again. */
export type Round = readonly Fault[];

/** A fault begins so many ms after its round at most. */
const LATEST_MS = 800;

/** How long it lasts: more often short than long, and each fourth time longer than any request may take. */
const [SHORTEST_MS, LONGEST_MS] = [50, 4_000];

/**
 * Rounds without end, that `random` determines. In each are one to three faults, each in a lane of its own. Every kind and
 * every policy comes once before any comes again.
 */
export function* schedule(random: () => number, slots: number): Generator<Round, never> {
  const kinds = endless(random, FAULT_KINDS);
  const policies = endless(random, POLICIES);
  let next = kinds.next().value;
  for (;;) {
    const round: Fault[] = [];
    const lanes = new Set<string>();
    const most = 1 + Math.floor(random() * 3);
    while (round.length < most && !lanes.has(laneOf(next))) {
      lanes.add(laneOf(next));
      round.push({
        kind: next,
        atMs: Math.floor(random() * LATEST_MS),
        forMs: Math.floor(SHORTEST_MS + random() ** 2 * (LONGEST_MS - SHORTEST_MS)),
        slot: laneOf(next) === 'network' && random() < 0.4 ? undefined : Math.floor(random() * slots),
        policy: next === 'redis maxmemory' ? policies.next().value : undefined,
        degree: random(),
      });
      next = kinds.next().value;
    }
    yield round;
  }
}

const laneOf = (kind: FaultKind): string => kind.slice(0, kind.indexOf(' '));

/** All of them in some order, then all of them in another. */
function* endless<T>(random: () => number, all: readonly T[]): Generator<T, never> {
  for (;;) {
    const left = [...all];
    while (left.length > 0) {
      const chosen = pick(random, left);
      left.splice(left.indexOf(chosen), 1);
      yield chosen;
    }
  }
}
