import { describe, expect, it } from 'vitest';
import { directivesOf } from '../express/cache-control.ts';
import type { Refusal } from '../express/storable.ts';
import { type Answer, storingRefusal } from './storing.ts';

type Given = Partial<Omit<Answer, 'directives'>> & { readonly cacheControl?: string };

const refusal = ({ cacheControl = '', ...given }: Given): Refusal | undefined =>
  storingRefusal({
    method: 'GET',
    status: 200,
    vary: undefined,
    directives: directivesOf(cacheControl),
    hasExpires: false,
    isAuthorized: false,
    isRequestNoStore: false,
    isConditional: false,
    ...given,
  });

describe('an answer is stored (RFC 9111 §3)', () => {
  it.each<[what: string, given: Given]>([
    ['that says nothing, by its status', {}],
    ['that is fresh for a time', { cacheControl: 'max-age=60' }],
    ['of any final status that is fresh for a time', { status: 299, cacheControl: 'max-age=60' }],
    ['that is an error and fresh for a time', { status: 503, cacheControl: 's-maxage=60' }],
    ['of any final status that expires', { status: 403, hasExpires: true }],
    ['of any final status that is public', { status: 599, cacheControl: 'public' }],
    ['that is to be validated each time', { cacheControl: 'no-cache' }],
    ['that sets a cookie, by its other words', { cacheControl: 'max-age=60, no-cache="Set-Cookie"' }],
    ['that varies', { vary: 'Accept, Cookie' }],
    ['of which some fields are private (§5.2.2.7)', { cacheControl: 'private="x-user"' }],
    ['whose request said who asks, where it allows that (§3.5)', { isAuthorized: true, cacheControl: 'public' }],
    ['in full, to a request that would have taken less', { isConditional: true }],
  ])('%s', (_what, given) => {
    expect(refusal(given)).toBeUndefined();
  });
});

describe('an answer is not stored (RFC 9111 §3)', () => {
  it.each<[what: string, given: Given, why: Refusal]>([
    ['to another method', { method: 'HEAD', cacheControl: 'max-age=60' }, 'method'],
    ['that is a part', { status: 206, cacheControl: 'max-age=60' }, 'partial'],
    ['that is none', { status: 304, cacheControl: 'max-age=60' }, 'conditional'],
    ['that says a condition does not hold', { status: 412, isConditional: true, hasExpires: true }, 'conditional'],
    ['that says a range does not exist', { status: 416, isConditional: true, hasExpires: true }, 'conditional'],
    [
      'of a status that has to be understood (§5.2.2.3)',
      { status: 599, cacheControl: 'must-understand, max-age=60' },
      'status',
    ],
    ['that forbids it (§5.2.2.5)', { cacheControl: 'no-store' }, 'no-store'],
    ['that forbids it, whatever else it says', { cacheControl: 'max-age=60, NO-STORE, public' }, 'no-store'],
    ['that is private (§5.2.2.7)', { cacheControl: 'private, max-age=60' }, 'private'],
    ['that is private in a way that cannot be read', { cacheControl: 'private="a, max-age=60' }, 'private'],
    ['that is private, and names nothing', { cacheControl: 'private=""' }, 'private'],
    ['whose request forbids it (§5.2.1.5)', { isRequestNoStore: true, cacheControl: 'max-age=60' }, 'request'],
    ['whose request said who asks (§3.5)', { isAuthorized: true, cacheControl: 'max-age=60' }, 'authorization'],
    ['that varies by everything (§4.1)', { vary: '*', cacheControl: 'max-age=60' }, 'vary'],
    ['that varies by everything, and more', { vary: 'Accept, *', cacheControl: 'max-age=60' }, 'vary'],
    ['of a status of which nothing is guessed, that says nothing', { status: 403 }, 'status'],
    ['that would be stale at once but for what nobody knows', { status: 202, cacheControl: 'foo' }, 'status'],
  ])('%s', (_what, given, why) => {
    expect(refusal(given)).toBe(why);
  });
});
