import { describe, expect, it } from 'vitest';
import { createFences } from './fences.ts';

describe('what was read before', () => {
  it('its key was heard of may not be kept, and what was read since may', () => {
    const fences = createFences();
    const before = fences.now();
    fences.break('k');
    expect([fences.isWhole('k', before), fences.isWhole('other', before)]).toEqual([false, true]);
    expect(fences.isWhole('k', fences.now())).toBe(true);
  });

  it('something may have been missed may not be kept, whatever its key', () => {
    const fences = createFences();
    const before = fences.now();
    fences.breakAll();
    expect(fences.isWhole('k', before)).toBe(false);
    expect(fences.isWhole('k', fences.now())).toBe(true);
  });

  it('more was heard of than is remembered may not be kept', () => {
    const fences = createFences();
    const before = fences.now();
    fences.break('k');
    const between = fences.now();
    for (let n = 0; n < 4096; n += 1) fences.break(`k${n}`);
    expect([fences.isWhole('k', before), fences.isWhole('unheard of', before)]).toEqual([false, false]);
    expect(fences.isWhole('k', between)).toBe(true);
  });
});
