import { StoreError, type Warn } from '@turnpike/core';
import { stampOf } from './clock.ts';
import { type Entry, holdsValue } from './envelope.ts';
import type { Journal } from './events.ts';
import { earlyMs } from './freshness.ts';
import { AbandonedLoad } from './load.ts';
import type { Outcome, ValueOutcome } from './loaded.ts';
import type { Alone, Call, Loads, ToLoad } from './loads.ts';
import type { LoneLoads } from './lone-loads.ts';
import type { MarkTable } from './mark-table.ts';
import type { Opening } from './opening.ts';
import type { Place } from './places.ts';
import { type Found, type Reader, startOf } from './reader.ts';
import { type Standing, standingOf } from './standing.ts';
import type { Tier } from './tier.ts';
import type { Waits } from './waits.ts';

const standingFor = (call: Call, found: Found): Standing => call.standing?.(found) ?? standingOf(found, call.freshness);

const valueIn = ({ entry, isValid }: Found): Entry | undefined =>
  entry !== undefined && isValid && holdsValue(entry) ? entry : undefined;

type Served = Standing & { readonly kind: 'fresh' | 'stale' };

const isAbandoned = (outcome: Outcome): boolean => outcome.kind === 'error' && outcome.error instanceof AbandonedLoad;

/** How long before it expires this caller would have it loaded anew, in ms. */
const drawnMs = ({ loadMs = 0 }: Entry, { freshness }: Pick<Call, 'freshness'>): number =>
  earlyMs(loadMs, freshness.beta, Math.random());

/** A value that is served as it is. */
interface Hit {
  readonly outcome: ValueOutcome;
  /** Why it is to be loaded anew behind this, by who can; undefined: it is not. */
  readonly due: 'stale' | 'early' | undefined;
}

/** What callers get. */
export interface Serving {
  /** What a call asks first: of a tier it is told at once. Rejects with a `StoreError`. */
  look(place: Place): Found | Promise<Found>;
  /** What was found, if it may be served as it is; undefined: it may not, or cannot be read. */
  hit(standing: Standing, found: Found, call: Pick<Call, 'place' | 'freshness' | 'open'>): Hit | undefined;
  /** Loads anew behind what was found. Never rejects. */
  renew(load: ToLoad, found: Found, due: NonNullable<Hit['due']>): Promise<void>;
  /** From Redis, as it is found there or by `look`, from a load, without Redis. Rejects with a `StoreError` for a wrong set-up only. */
  outcomeOf(call: Call, looking?: Found | Promise<Found>): Promise<Outcome>;
  /** Of a key that is undefined: a mistake somewhere, and no reason to fail; to share its value would be one. */
  outcomeOfNoKey(call: Pick<Call, 'loader' | 'tags'>): Promise<Outcome>;
}

interface ServingParts {
  readonly reader: Reader;
  readonly loads: Loads;
  readonly loneLoads: LoneLoads;
  readonly waits: Waits;
  readonly marks: MarkTable;
  readonly opening: Opening;
  readonly journal: Journal;
  readonly warn: Warn;
  readonly tier: Tier | undefined;
  /** How long one call waits for others' loads at most, in ms. */
  readonly boundMs: number;
}

export function createServing(parts: ServingParts): Serving {
  const { reader, loads, loneLoads, waits, marks, opening, journal, warn, tier, boundMs } = parts;

  /** Whether to load anew what is served: when it is stale, and now and then before it is. */
  const dueOf = ({ kind, value, isFree }: Served, call: Pick<Call, 'freshness'>, { nowMs }: Found): Hit['due'] => {
    if (!isFree) return undefined;
    if (kind === 'stale') return 'stale';
    return nowMs + drawnMs(value, call) >= value.freshUntilMs ? 'early' : undefined;
  };

  const hit: Serving['hit'] = (standing, found, call) => {
    if (standing.kind !== 'fresh' && standing.kind !== 'stale') return undefined;
    const outcome = opening.value(standing.value, call, found);
    if (outcome === undefined) return undefined;
    if (standing.kind === 'stale') journal.note({ type: 'stale', why: 'revalidate' });
    else if (found.opened === undefined) {
      journal.note({ type: 'hit', tier: 'redis' });
      tier?.keep(call.place, found, outcome.value(), drawnMs(standing.value, call));
    } else journal.note({ type: 'hit', tier: 'l1' });
    return { outcome, due: dueOf(standing, call, found) };
  };

  const renew: Serving['renew'] = async (toLoad, found, due) => {
    try {
      const { kind } = await loads.begin(toLoad, found, true);
      if (due === 'early' && kind === 'load') journal.note({ type: 'early' });
    } catch {
      // What is served is as good without.
    }
  };

  /** What a caller gets for what it found. Rejects with a `StoreError` when Redis fails it on the way. */
  const serve = (call: Call, found: Found): Outcome | Promise<Outcome> => {
    const standing = standingFor(call, found);
    switch (standing.kind) {
      case 'fresh':
      case 'stale': {
        const served = hit(standing, found, call);
        if (served === undefined) return load(call, found, undefined);
        const { outcome, due } = served;
        if (due === undefined || call.refresh === undefined) return outcome;
        return { ...outcome, refreshBegun: renew({ ...call, loader: call.refresh }, found, due) };
      }
      case 'held':
        return opening.inTime(follow(call, found, standing.holder, standing.kept), standing.kept, call, found);
      case 'failed': {
        const { failure, kept } = standing;
        const outcome = opening.instead('error', kept, call, found) ?? (failure && opening.failure(failure));
        return outcome ?? load(call, found, undefined);
      }
      case 'passed':
        return loadAlone(call, 'passed', found);
      case 'absent':
        return opening.inTime(load(call, found, standing.kept, standing.basis), standing.kept, call, found);
    }
  };

  const look = (place: Place): Found | Promise<Found> => tier?.look(place) ?? reader.read(place);

  /** Loads, unless another is found to. */
  const load = async (call: Call, found: Found, kept: Entry | undefined, basis = kept): Promise<Outcome> => {
    if (isAtItsBound(call)) return loadAlone(call, 'bound', found);
    const begun = await loads.begin(call, found, basis !== undefined);
    if (begun.kind === 'again') return serve(call, await reader.read(call.place));
    if (begun.kind === 'changed') return serve(call, begun.found);
    if (!begun.isOwn) call.onWait?.();
    const outcome = await begun.load.outcome;
    if (!begun.isOwn && isAbandoned(outcome)) return serve(call, await reader.read(call.place));
    if (!begun.isOwn) journal.note({ type: 'joined' });
    return opening.orKept(outcome, kept, call, found);
  };

  /** Takes the outcome of a load that runs, if its own look allows; of another process once it is in Redis. */
  const follow = async (call: Call, found: Found, holder: Entry, kept: Entry | undefined): Promise<Outcome> => {
    if (isAtItsBound(call)) return loadAlone(call, 'bound', found);
    call.onWait?.();
    const running = await loads.under(holder.token, call.place);
    if (running === undefined) {
      journal.note({ type: 'waited' });
      await waits.until(call.place, holder.token, holder.untilMs - found.nowMs);
      return serve(call, await reader.read(call.place));
    }
    const outcome = await running.outcome;
    const isOurs = outcome.kind === 'error' ? !isAbandoned(outcome) : await isStillValid(outcome, found, call);
    if (isOurs) {
      journal.note({ type: 'joined' });
      return opening.orKept(outcome, kept, call, found);
    }
    return serve(call, await reader.read(call.place));
  };

  /** Whether no mark was made between the lease of a load and the look of who would join it. */
  const isStillValid = async ({ meta }: ValueOutcome, found: Found, call: Call): Promise<boolean> => {
    const judged = { ...meta, place: call.place, joinedAtUs: found.nowMs * 1000 };
    return marks.stands(judged, found.clock);
  };

  const isAtItsBound = ({ startedAt }: Call): boolean => performance.now() - startedAt > boundMs;

  const loadAlone = (call: Call, why: Alone, found?: Found): Promise<Outcome> => {
    journal.note({ type: 'alone', why });
    const alone = call.alone?.(why, found && startOf(found, valueIn(found)));
    if (alone !== undefined) return alone;
    // Those who have seen the same end of a load may share what is loaded after it.
    const seen = why === 'passed' ? found : undefined;
    const ended = seen?.entry && {
      token: seen.entry.token,
      stamp: stampOf(seen.clock),
      isStillValid: (outcome: ValueOutcome) => isStillValid(outcome, seen, call),
    };
    const outcome = loneLoads.of(call.place.entryKey, call, why === 'degraded', ended);
    call.onWait?.(); // who has begun it is known by now
    return outcome;
  };

  return {
    look,
    hit,
    renew,
    async outcomeOf(call, looking = look(call.place)) {
      try {
        return await serve(call, await looking);
      } catch (error) {
        if (!StoreError.isPassing(error)) throw error;
        return loadAlone(call, 'degraded');
      }
    },
    outcomeOfNoKey(call) {
      warn('TURNPIKE_WARN_NO_KEY', 'getOrLoad was given no key: its value is loaded each time, and not cached.');
      journal.note({ type: 'alone', why: 'no-key' });
      return loneLoads.unshared(call);
    },
  };
}
