import { setTimeout as sleep } from 'node:timers/promises';
import type { Entrant } from '../harness/case.ts';
import { type Crowd, askTogether } from '../harness/crowd.ts';

const entrants: readonly Entrant[] = [
  { name: 'turnpike', role: 'turnpike', file: 'cache/turnpike', variant: 'json' },
  { name: 'GET + JSON.parse, by hand', role: 'limit', file: 'cache/by-hand', variant: 'json' },
  { name: 'bentocache', role: 'rival', file: 'cache/bentocache', variant: 'l2' },
  { name: 'cacheable', role: 'rival', file: 'cache/cacheable', variant: 'l2' },
  { name: 'cache-manager', role: 'rival', file: 'cache/cache-manager', variant: 'l2' },
  { name: 'async-cache-dedupe', role: 'rival', file: 'cache/async-cache-dedupe', variant: 'l2' },
  { name: 'turnpike, whole responses', role: 'turnpike', file: 'cache/page-turnpike', variant: 'l2' },
  { name: 'apicache, whole responses', role: 'rival', file: 'cache/page-apicache', variant: 'redis' },
];

const PROCESSES = 4;
const CALLERS = 25;

/** In which callers come to an expired key, one after the other. */
const EXPIRY_MS = 1_300;
const STEP_MS = 5;

export const crowds: readonly Crowd[] = [
  {
    id: 'crowd/cold',
    title: 'A cold key, and everybody at once',
    about: `${PROCESSES} processes, ${CALLERS} callers at each, one key that nobody has; loading it takes 50 ms.`,
    entrants,
    processes: PROCESSES,
    times: 5,
    mostLoads: 1,
    bring: (urls, n) => askTogether(urls, `/products/slow-${n}`, CALLERS),
  },
  {
    id: 'crowd/expiry',
    title: 'A hot key expires',
    about: `${PROCESSES} processes, each asked every ${STEP_MS} ms while a key that is kept for one second expires once; loading it takes 50 ms.`,
    entrants: entrants.map((entrant) => ({ ...entrant, variant: `${entrant.variant} brief` })),
    processes: PROCESSES,
    times: 3,
    mostLoads: 2,
    prepare: (urls, n) => askTogether(urls, `/products/slow-${n}`, 1),
    async bring(urls, n) {
      const path = `/products/slow-${n}`;
      const waits: Promise<number[]>[] = [];
      for (const endsAt = performance.now() + EXPIRY_MS; performance.now() < endsAt; await sleep(STEP_MS)) {
        waits.push(askTogether(urls, path, 1));
      }
      return (await Promise.all(waits)).flat();
    },
  },
];
