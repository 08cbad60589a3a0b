import { type FleetProcess, startFleetProcess } from './fleet-process.ts';
import { type FromMember, START } from './fleet-protocol.ts';

export interface FleetOptions {
  /** For every member, by way of JSON. */
  args?: unknown;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  /** After so long the fleet is stopped, and `results` rejects. @default 60000 */
  timeoutMs?: number;
}

/** Processes that do the same at the same time. */
export interface Fleet<T> {
  readonly members: readonly FleetProcess[];
  /**
   * What the members returned, in their order, without those that were killed from here; resolves when all are gone.
   * Rejects, with the end of its stderr, when one ends by itself without a result; the others are killed.
   */
  readonly results: Promise<T[]>;
  broadcast(message: unknown): void;
  /** Hears what members send. One listener; set right after `await fleet(…)` it misses nothing. */
  onMessage(listener: (message: unknown, index: number) => void): void;
  /** Kills those that still run; resolves when none is left. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts `count` Node processes of `script`, an `.mjs` that calls `runMember`, and resolves when all are up. Then they begin
 * together. None outlives this process.
 */
export async function fleet<T = unknown>(
  count: number,
  script: string | URL,
  { args, env = {}, timeoutMs = 60_000 }: FleetOptions = {},
): Promise<Fleet<T>> {
  const arrivals = new Map<string, Set<number>>();
  let listener: (message: unknown, index: number) => void = () => undefined;
  let up!: () => void;
  const allUp = new Promise<void>((resolve) => (up = resolve));

  const members = Array.from({ length: count }, (_, index) =>
    startFleetProcess(script, { index, count, args }, env, (message) => hear(message, index)),
  );
  const running = new Set(members.keys());

  function hear(message: Exclude<FromMember, { kind: 'result' }>, index: number): void {
    if (message.kind === 'message') return listener(message.body, index);
    const there = arrivals.get(message.name) ?? new Set();
    arrivals.set(message.name, there.add(index));
    openFullBarriers();
  }

  function openFullBarriers(): void {
    for (const [name, there] of arrivals) {
      if ([...running].some((index) => !there.has(index))) continue;
      arrivals.delete(name);
      if (name === START) up();
      else open(name);
    }
  }

  function open(name: string): void {
    for (const member of members) member.tell({ kind: 'open', name });
  }

  async function stop(): Promise<void> {
    await Promise.all(members.map((member) => member.kill()));
  }

  async function collect(): Promise<T[]> {
    let missing = '';
    const tooLate = setTimeout(() => {
      missing = [...running].join(', ');
      void stop();
    }, timeoutMs);
    const endings = await Promise.all(
      members.map(async ({ ended }, index) => {
        const ending = await ended;
        running.delete(index);
        if (ending.how === 'died') void stop();
        openFullBarriers();
        return ending;
      }),
    );
    clearTimeout(tooLate);
    for (const [index, ending] of endings.entries()) {
      if (ending.how === 'died') throw new Error(`fleet: member ${index} ${ending.because}`);
    }
    if (missing !== '') throw new Error(`fleet: not done within ${timeoutMs} ms: member ${missing}`);
    return endings.flatMap((ending) => (ending.how === 'result' ? [ending.value as T] : []));
  }

  const results = collect();
  // Whoever only stops the fleet need not hear of its failure.
  results.catch(() => undefined);
  await Promise.race([allUp, results]);
  // Later than whatever the caller does at once with the fleet.
  setImmediate(open, START);

  return {
    members,
    results,
    broadcast(body) {
      for (const member of members) member.tell({ kind: 'message', body });
    },
    onMessage(hearer) {
      listener = hearer;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
