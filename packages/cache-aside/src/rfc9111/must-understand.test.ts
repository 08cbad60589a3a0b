import { describe, expect, it } from 'vitest';
import { directivesOf } from '../express/cache-control.ts';
import { forbidsStoring, isNotUnderstood } from './must-understand.ts';

describe('must-understand (RFC 9111 §5.2.2.3)', () => {
  it.each<[status: number, cacheControl: string, isRefused: boolean]>([
    [200, 'must-understand', false],
    [404, 'must-understand', false],
    [503, 'must-understand', false],
    [599, 'must-understand', true],
    [299, 'Must-Understand, max-age=60', true],
    [599, 'max-age=60', false],
  ])('keeps what is not understood from being stored: %s with %j', (status, cacheControl, isRefused) => {
    expect(isNotUnderstood(status, directivesOf(cacheControl))).toBe(isRefused);
  });

  it.each<[status: number, cacheControl: string, isForbidden: boolean]>([
    [200, 'no-store', true],
    [200, 'No-Store, max-age=60', true],
    [200, 'max-age=60', false],
    [200, 'must-understand, no-store', false],
    [599, 'must-understand, no-store', true],
  ])(
    'is stronger than no-store where the status is understood (§5.2.2.5): %s with %j',
    (status, cacheControl, isForbidden) => {
      expect(forbidsStoring(status, directivesOf(cacheControl))).toBe(isForbidden);
    },
  );
});
