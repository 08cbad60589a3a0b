import { describe, expect, it } from 'vitest';
import { directivesOf } from '../express/cache-control.ts';
import { mayBeShared } from './authorization.ts';

describe('the answer to a request with Authorization (RFC 9111 §3.5)', () => {
  it.each([
    'public',
    's-maxage=60',
    'must-revalidate',
    'max-age=60, PUBLIC',
    'max-age=60, must-revalidate',
    's-maxage=0',
  ])('may be stored by its %j', (cacheControl) => {
    expect(mayBeShared(directivesOf(cacheControl))).toBe(true);
  });

  it.each(['', 'max-age=60', 'proxy-revalidate, max-age=60', 'no-cache', 'ext="public"', 'max-age=60, immutable'])(
    'may not be stored by its %j',
    (cacheControl) => {
      expect(mayBeShared(directivesOf(cacheControl))).toBe(false);
    },
  );
});
