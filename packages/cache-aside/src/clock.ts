import type { Stamp } from './envelope.ts';

/** The logical clock of a cache, as it is kept in Redis: `<incarnation> <tick> <floor> <ahead>`, in µs. */
export interface Clock {
  readonly incarnation: string;
  /** The last instant it gave. */
  readonly tickUs: number;
  /** What is stamped below it is absent. */
  readonly floorUs: number;
  /** The highest mark that was dated ahead of the clock; 0: none was. */
  readonly aheadUs: number;
}

/** Undefined for what is no clock. */
export function parsedClock(text: string): Clock | undefined {
  const [, incarnation = '', tickUs, floorUs, aheadUs] = /^(\S+) (\d+) (\d+) (\d+)$/.exec(text) ?? [];
  if (incarnation === '') return undefined;
  return { incarnation, tickUs: Number(tickUs), floorUs: Number(floorUs), aheadUs: Number(aheadUs) };
}

/** False: whatever the marks say, a value of that stamp is absent. */
export const isAboveFloor = ({ incarnation, us }: Stamp, clock: Clock): boolean =>
  incarnation === clock.incarnation && us >= clock.floorUs;

/** True when no mark can be above the stamp: there has been none since. */
export const isPastAllMarks = ({ us }: Stamp, { tickUs, aheadUs }: Clock): boolean => us >= Math.max(tickUs, aheadUs);

/** True while a value that is stamped now may be below a mark that was dated ahead: the clock has to go on first. */
export const isBehindItsMarks = ({ tickUs, aheadUs }: Clock): boolean => aheadUs > tickUs;
