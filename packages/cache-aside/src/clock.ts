import type { Stamp } from './envelope.ts';

/** The logical clock of a cache, as it is kept in Redis: `<incarnation> <tick> <floor> <floorMade> <ahead>`, in µs. */
export interface Clock {
  readonly incarnation: string;
  /** The last instant it gave. */
  readonly tickUs: number;
  /** What is stamped below it is absent. */
  readonly floorUs: number;
  /** When the floor was raised, or what is below it was invalidated while it was dated ahead. */
  readonly floorMadeUs: number;
  /** The highest mark that was dated ahead of the clock; 0: none was. */
  readonly aheadUs: number;
}

/** Undefined for what is no clock. */
export function parsedClock(text: string): Clock | undefined {
  const [, incarnation = '', ...numbers] = /^(\S+) (\d+) (\d+) (\d+) (\d+)$/.exec(text) ?? [];
  if (incarnation === '') return undefined;
  const [tickUs = 0, floorUs = 0, floorMadeUs = 0, aheadUs = 0] = numbers.map(Number);
  return { incarnation, tickUs, floorUs, floorMadeUs, aheadUs };
}

/** Reads a clock again and again: as long as its bytes are the same it is the same object, and nothing is parsed. */
export function createClockReader(): (bytes: Buffer | null) => Clock | undefined {
  let last = Buffer.alloc(0);
  let clock: Clock | undefined;
  return (bytes) => {
    if (bytes === null) return undefined;
    if (bytes.equals(last)) return clock;
    last = Buffer.from(bytes); // a reply's Buffer would hold on to all that came with it
    clock = parsedClock(bytes.toString('latin1'));
    return clock;
  };
}

/** True when no mark can be above the stamp: there has been none since. */
export const isPastAllMarks = ({ us }: Stamp, { tickUs, aheadUs }: Clock): boolean => us >= Math.max(tickUs, aheadUs);

/** The clock, to stamp by what is read from now on. */
export const stampOf = ({ incarnation, tickUs }: Clock): Stamp => ({ incarnation, us: tickUs });

/** True while a value that is stamped now may be below a mark that was dated ahead: the clock has to go on first. */
export const isBehindItsMarks = ({ tickUs, aheadUs }: Clock): boolean => aheadUs > tickUs;
