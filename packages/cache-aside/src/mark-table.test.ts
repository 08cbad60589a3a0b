import { describe, expect, it } from 'vitest';
import type { Clock } from './clock.ts';
import { type NewMarks, createMarkTable } from './mark-table.ts';

const clockAt = (tickUs: number, floorUs = 0, aheadUs = 0, incarnation = 'a', floorMadeUs = floorUs): Clock => ({
  incarnation,
  tickUs,
  floorUs,
  floorMadeUs,
  aheadUs,
});

/** A table whose questions the test answers. */
function tableOf() {
  const questions: { known: Clock | undefined; answer: (marks: NewMarks) => void }[] = [];
  const table = createMarkTable(({ known }) => new Promise((answer) => void questions.push({ known, answer })));
  const learns = async (clock: Clock, marks: NewMarks['marks'] = [], made: NewMarks['made'] = []): Promise<void> => {
    const renewed = table.renewed();
    questions.at(-1)?.answer({ clock, marks, made });
    await renewed;
  };
  return { table, questions, learns };
}

const value = (us: number, tags: string[] = ['t'], incarnation = 'a') => ({
  stamp: { incarnation, us },
  tags,
  place: { ownTag: '=k' },
});

/** A load, which somebody would join then. */
const load = (us: number, joinedAtUs: number, tags?: string[]) => ({ ...value(us, tags), joinedAtUs });

describe('the marks a process knows', () => {
  it('are decisive only where one can be above the stamp', async () => {
    const { table, learns } = tableOf();
    await learns(clockAt(10), [['t', 8]]);
    expect(table.isNeeded(value(20), clockAt(20))).toBe(false);
    expect(table.isValid(value(20), clockAt(20))).toBe(true);
    expect(table.isNeeded(value(9), clockAt(20))).toBe(true);
    expect(table.isValid(value(9), clockAt(20))).toBe(false); // it cannot be told yet
    expect(table.isValid(value(9), clockAt(10))).toBe(true);
    expect(table.isValid(value(7), clockAt(10))).toBe(false);
    expect(table.isValid(value(7, []), clockAt(20))).toBe(true);
  });

  it('include those of a quarantined key, which are dated ahead', async () => {
    const { table, learns } = tableOf();
    await learns(clockAt(10, 0, 50), [['=k', 50]]);
    expect(table.isNeeded(value(11, []), clockAt(11, 0, 50))).toBe(true);
    expect(table.isValid(value(10, []), clockAt(10, 0, 50))).toBe(false);
    expect(table.isValid(value(50, []), clockAt(50, 0, 50))).toBe(true);
  });

  it('let a load within a quarantine be joined while that lasts, if it began after the mark was made', async () => {
    const { table, learns } = tableOf();
    const clock = clockAt(10, 0, 50);
    await learns(clock, [['t', 50]], [['t', 10]]);
    expect(table.isValid(value(12), clock)).toBe(false);
    expect(table.isValid(load(12, 30), clock)).toBe(true);
    expect(table.isValid(load(9, 30), clock)).toBe(false); // it began before
    expect(table.isValid(load(12, 50), clock)).toBe(false); // it may have read what is not true any more
    expect(table.isValid(load(50, 50), clock)).toBe(true);
    await learns(clockAt(20, 0, 51), [['t', 51]], [['t', 20]]);
    expect(table.isValid(load(12, 30), clockAt(20, 0, 51))).toBe(false);
    expect(table.isValid(load(20, 30), clockAt(20, 0, 51))).toBe(true);
  });

  it('judge a load as a value where it is not known when a mark was made', async () => {
    const { table, learns } = tableOf();
    await learns(clockAt(10, 0, 50), [['t', 50]], [['t', 10]]);
    await learns(clockAt(20, 0, 51), [['t', 51]]); // when it was made anew is lost
    expect(table.isValid(load(25, 30), clockAt(20, 0, 51))).toBe(false);
  });

  it('let a load below a floor that is dated ahead be joined if it began after that was made', async () => {
    const { table, learns } = tableOf();
    const clock = clockAt(10, 50, 50, 'a', 10);
    await learns(clock);
    expect(table.isValid(value(12, []), clock)).toBe(false);
    expect(table.isValid(load(12, 30, []), clock)).toBe(true);
    expect(table.isValid(load(9, 30, []), clock)).toBe(false);
    expect(table.isValid(load(12, 50, []), clock)).toBe(false);
  });

  // Found by the random race, seed 339149.
  it('are not missed where a later clock has made them its floor', async () => {
    const { table, learns } = tableOf();
    await learns(clockAt(10), [['t', 10]]);
    await learns(clockAt(20, 15), []);
    expect(table.isValid(value(9), clockAt(10))).toBe(false);
  });

  it('of another incarnation say nothing', async () => {
    const { table, learns } = tableOf();
    await learns(clockAt(10), [['t', 8]]);
    await learns(clockAt(5, 5, 0, 'b'), []);
    expect(table.isValid(value(9), clockAt(5, 5, 0, 'b'))).toBe(false);
    expect(table.isValid(value(9, ['t'], 'b'), clockAt(5, 5, 0, 'b'))).toBe(true);
    expect(table.isValid(value(9), clockAt(10))).toBe(false); // of the first, nothing is known any more
  });

  it('are asked for once by any number who wait, and anew by those who came too late', async () => {
    const { table, questions, learns } = tableOf();
    await learns(clockAt(10));
    const waiting = [table.upTo(clockAt(20)), table.upTo(clockAt(20)), table.upTo(clockAt(30))];
    expect(questions).toHaveLength(2);
    questions[1]?.answer({ clock: clockAt(25), marks: [], made: [] });
    await Promise.all(waiting.slice(0, 2));
    await Promise.resolve();
    expect(questions).toHaveLength(3);
    questions[2]?.answer({ clock: clockAt(31), marks: [], made: [] });
    expect((await waiting[2])?.tickUs).toBe(31);
  });
});
