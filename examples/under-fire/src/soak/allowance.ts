import { CLIENT } from './client.ts';
import { MOST_DELAY_MS } from './faults.ts';
import type { FaultKind, Round } from './schedule.ts';

/** How long it took after a round until all decided by Redis again, and how long it may take, in ms. */
export interface Recovery {
  readonly tookMs: number;
  readonly boundMs: number;
}

/** What a fault does to the connections of clients: one that is silent for too long is given up. */
const EFFECTS: Readonly<Record<FaultKind, 'keeps' | 'silences' | 'breaks'>> = {
  'redis pause': 'silences',
  'redis kill': 'breaks',
  'redis script flush': 'keeps',
  'redis maxmemory': 'keeps',
  'network refuse': 'breaks',
  'network blackhole': 'silences',
  'network delay': 'keeps',
  'network slow replies': 'keeps',
  'network cut': 'breaks',
  'network drop replies': 'breaks',
  'process SIGKILL': 'breaks',
  'process SIGSTOP': 'silences',
  'process clock skew': 'keeps',
};

/** A probe goes out every half second, and is answered at once. */
export const KEPT_MS = 1_000;

/** The client tries to connect every half second, by its `retryStrategy`; a second after that all decide by Redis. */
export const BROKEN_MS: number = KEPT_MS + CLIENT.retryStrategy(Infinity);

/** What is silent for less keeps its connections, though all of it is slow besides. */
const LONGEST_SILENCE_MS = CLIENT.socketTimeout - 2 * MOST_DELAY_MS;

export function recoveryBoundMs(round: Round): number {
  const silentMs = round.reduce((sum, { kind, forMs }) => sum + (EFFECTS[kind] === 'silences' ? forMs : 0), 0);
  const isBroken = silentMs > LONGEST_SILENCE_MS || round.some(({ kind }) => EFFECTS[kind] === 'breaks');
  return isBroken ? BROKEN_MS : KEPT_MS;
}
