import { describe, expect, it } from 'vitest';
import { rangeOf } from './ranges.ts';

const HUGE = '9'.repeat(400);

describe('a Range of ten bytes (RFC 9110 §14.1.2)', () => {
  it.each<[field: string, start: number, end: number]>([
    ['bytes=0-0', 0, 0],
    ['bytes=0-9', 0, 9],
    ['bytes=3-5', 3, 5],
    ['bytes=9-9', 9, 9],
    ['bytes=0-', 0, 9],
    ['bytes=9-', 9, 9],
    ['bytes=3-10', 3, 9],
    ['bytes=3-99999999999999999999', 3, 9],
    [`bytes=3-${HUGE}`, 3, 9],
    ['bytes=003-005', 3, 5],
    ['bytes=-1', 9, 9],
    ['bytes=-10', 0, 9],
    ['bytes=-11', 0, 9],
    [`bytes=-${HUGE}`, 0, 9],
    // Units are the same in every case (§14.1).
    ['BYTES=3-5', 3, 5],
    [' bytes=3-5 ', 3, 5],
    ['bytes = 3 - 5', 3, 5],
  ])('%s asks for %i to %i', (field, start, end) => {
    expect(rangeOf(field, 10)).toEqual({ start, end });
  });

  it.each<[field: string]>([
    ['bytes=10-'],
    ['bytes=10-20'],
    ['bytes=99999999999999999999-'],
    [`bytes=${HUGE}-`],
    [`bytes=${HUGE}-${HUGE}`],
    ['bytes=-0'],
    ['bytes=-000'],
  ])('%s cannot be satisfied', (field) => {
    expect(rangeOf(field, 10)).toBe('unsatisfiable');
  });

  it.each<[field: string | undefined]>([
    [undefined],
    [''],
    ['bytes'],
    ['bytes='],
    ['bytes=-'],
    ['bytes=5'],
    ['bytes=5-3'],
    ['bytes=20-15'],
    ['bytes=0-1,3-4'],
    ['bytes=0-1, -1'],
    ['bytes=0-1,'],
    ['bytes=,0-1'],
    ['bytes=-5-'],
    ['bytes=--5'],
    ['bytes=+0-5'],
    ['bytes=0x1-5'],
    ['bytes=1.0-5'],
    ['bytes=1e1-'],
    ['bytes=a-b'],
    ['bytes=٣-٥'],
    ['bytes:0-5'],
    ['items=0-5'],
    ['xbytes=0-5'],
    ['bytes=0-5; x'],
  ])('%s asks for all of it: several, or what cannot be read (§14.2)', (field) => {
    expect(rangeOf(field, 10)).toBeUndefined();
  });
});

describe('a Range of nothing', () => {
  it.each<[field: string, expected: 'unsatisfiable' | undefined]>([
    ['bytes=0-', 'unsatisfiable'],
    ['bytes=0-0', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=1-0', undefined],
    // The last five bytes, or all where there are fewer: all of nothing can be given, though not as a part.
    ['bytes=-5', undefined],
  ])('%s: %s', (field, expected) => {
    expect(rangeOf(field, 0)).toBe(expected);
  });
});

it('a Range is read in time, however long it is', () => {
  const from = performance.now();
  for (const part of [' ', '0', '-', 'bytes=', '0-']) rangeOf(`bytes=${part.repeat(50_000)}x`, 10);
  expect(performance.now() - from).toBeLessThan(1000);
});
