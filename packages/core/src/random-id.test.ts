import { describe, expect, it } from 'vitest';
import { randomIds } from './random-id.ts';

describe('random ids', () => {
  it.each([6, 16])('have %i characters of base64url, and none comes twice in ten thousand', (chars) => {
    const nextId = randomIds(chars);
    const ids = Array.from({ length: 10_000 }, nextId);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(ids.every((id) => id.length === chars)).toBe(true);
    // Of 2³⁶, ten thousand meet by chance once in 1,400 runs.
    expect(new Set(ids).size).toBeGreaterThanOrEqual(ids.length - 1);
  });
});
