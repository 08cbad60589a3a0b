import { type Clock, isPastAllMarks } from './clock.ts';
import type { Meta } from './envelope.ts';
import type { Place } from './places.ts';

/** A clock, and the marks made since the one that was known. */
export interface NewMarks {
  readonly clock: Clock;
  readonly marks: readonly (readonly [tag: string, markUs: number])[];
  /** Of those that are dated ahead: when they were made. Where that was forgotten, loads are judged as values are. */
  readonly made: readonly (readonly [tag: string, madeUs: number])[];
}

/** What is judged: a value, or a load that somebody would join, by what it depends on. */
interface Judged extends Pick<Meta, 'stamp' | 'tags'> {
  /** Where it is, which may be marked by a quarantine of its own. */
  readonly place: Pick<Place, 'ownTag'>;
  /** Of a load: when it would be joined, by the server's time. Undefined: a value. */
  readonly joinedAtUs?: number | undefined;
}

/** The marks this process knows: all of them, up to the clock it saw last. */
export interface MarkTable {
  readonly clock: Clock | undefined;
  /** The same, if no later clock was seen. */
  readonly current: Clock | undefined;
  /**
   * Resolves to the clock to judge by, once all marks up to it are known: to `read`, or to a later one. Many who wait at
   * once are one question.
   */
  upTo(read: Clock): Promise<Clock>;
  /** Whether `read` is earlier than a clock that this process has seen: a server may have lost what came after. */
  hasGoneBack(read: Clock): boolean;
  /** A clock that was seen, without the marks up to it. */
  see(clock: Clock): void;
  /** Asks anew, whatever is known; where no clock is found there is a new one. */
  renewed(): Promise<Clock>;
  /** Whether the marks up to `clock` must be known, and are not yet, to judge a value: then `upTo(clock)` first. */
  isNeeded(judged: Judged, clock: Clock): boolean;
  /** Whether it still stands. False, too, where that cannot be told. */
  isValid(judged: Judged, clock: Clock): boolean;
  /** The same, once all marks up to `clock` are known. Rejects with a `StoreError`. */
  stands(judged: Judged, clock: Clock): Promise<boolean>;
}

/** What a process knows of the clock, as it asks. */
export interface Known {
  /** All marks up to it are known. */
  readonly known: Clock | undefined;
  /** The latest that was seen. */
  readonly latest: Clock | undefined;
}

export function createMarkTable(ask: (at: Known) => Promise<NewMarks>): MarkTable {
  const marks = new Map<string, number>();
  const made = new Map<string, number>();
  let known: Clock | undefined;
  let latest: Clock | undefined;
  let current: Clock | undefined;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const isComplete = (clock: Clock): boolean =>
    known !== undefined && known.incarnation === clock.incarnation && known.tickUs >= clock.tickUs;

  const see = (clock: Clock): void => {
    if (latest?.incarnation !== clock.incarnation || latest.tickUs < clock.tickUs) latest = clock;
    current = isComplete(latest) ? known : undefined;
  };

  const forget = (tag: string): void => {
    marks.delete(tag);
    made.delete(tag);
  };

  const learn = ({ clock, marks: newer, made: newlyMade }: NewMarks): void => {
    if (known?.incarnation !== clock.incarnation) {
      marks.clear();
      made.clear();
    }
    const wasFloorUs = known?.floorUs ?? 0;
    known = clock;
    see(clock);
    for (const [tag, markUs] of newer) {
      // Another mark, made at another time: if that is not told it was lost.
      if (marks.get(tag) !== markUs) made.delete(tag);
      marks.set(tag, markUs);
    }
    for (const [tag, madeUs] of newlyMade) made.set(tag, madeUs);
    if (clock.floorUs === wasFloorUs) return;
    for (const [tag, markUs] of marks) if (markUs <= clock.floorUs) forget(tag);
  };

  const run = (): Promise<void> => {
    running = ask({ known, latest })
      .then(learn)
      .finally(() => (running = undefined));
    return running;
  };

  /** A question that is asked after this call, by one for all who need it. */
  const askedFromNow = (): Promise<void> => {
    if (running === undefined) return run();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return running ?? run();
      });
    return next;
  };

  const table: MarkTable = {
    get clock() {
      return known;
    },
    get current() {
      return current;
    },
    async upTo(read) {
      if (isComplete(read)) return read;
      if (running !== undefined) await running;
      return isComplete(read) ? read : table.renewed();
    },
    async renewed() {
      await askedFromNow();
      return known as Clock;
    },
    see,
    hasGoneBack: ({ incarnation, tickUs }) => latest?.incarnation === incarnation && tickUs < latest.tickUs,
    isNeeded: (judged, clock) => isAboveFloor(judged, clock) && areMarksDecisive(judged, clock) && !isComplete(clock),
    isValid(judged, clock) {
      if (!isAboveFloor(judged, clock)) return false;
      if (!areMarksDecisive(judged, clock)) return true;
      // The marks known may be those of a later clock: what that has made its floor is not among them.
      if (known === undefined || !isComplete(clock) || !isAboveFloor(judged, known)) return false;
      const isPastMarkOf = (tag: string): boolean => isPast(judged, marks.get(tag) ?? 0, made.get(tag));
      return judged.tags.every(isPastMarkOf) && isPastMarkOf(judged.place.ownTag);
    },
    async stands(judged, clock) {
      return table.isValid(judged, table.isNeeded(judged, clock) ? await table.upTo(clock) : clock);
    },
  };
  return table;
}

/**
 * Whether a mark leaves it as it is. A value has to be of the mark's own date, or later. A load within a quarantine may be
 * joined as long as that lasts if it began after the mark was made: what it brings does not stay, and is as good as what
 * whoever would join it could load.
 */
const isPast = ({ stamp, joinedAtUs = Infinity }: Judged, markUs: number, madeUs = Infinity): boolean =>
  stamp.us >= markUs || (joinedAtUs < markUs && stamp.us >= madeUs);

/** False: whatever the marks say, it is absent. */
const isAboveFloor = (judged: Judged, { incarnation, floorUs, floorMadeUs }: Clock): boolean =>
  judged.stamp.incarnation === incarnation && isPast(judged, floorUs, floorMadeUs);

/** Whether a mark can be above the stamp: of a value without tags only one that was dated ahead. */
const areMarksDecisive = ({ stamp, tags }: Judged, clock: Clock): boolean =>
  tags.length === 0 ? stamp.us < clock.aheadUs : !isPastAllMarks(stamp, clock);
