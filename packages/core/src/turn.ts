import { setImmediate } from 'node:timers'; // not one that a test has faked: what is held back would stay
import { isolated } from './isolated.ts';

let ends: (() => void)[] | undefined;

/**
 * Calls `end` when this turn of the event loop ends. What an end says should be done at the end of the turn is done in the same: an
 * immediate that is set by another would be a whole turn later.
 */
export function atTurnEnd(end: () => void): void {
  if (ends === undefined) {
    const all: (() => void)[] = [];
    ends = all;
    setImmediate(() => {
      for (const one of all) isolated(one);
      ends = undefined;
    });
  }
  ends.push(end);
}
