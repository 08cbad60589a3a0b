import { describe, expect, it } from 'vitest';
import { policyOf } from './targeted.ts';

const TARGETS = ['ours-cache-control', 'cdn-cache-control'];
const ELSE = { 'cache-control': 'max-age=1', expires: 'later' };

const directives = (headers: Record<string, string>): Record<string, string | true> =>
  Object.fromEntries(policyOf({ ...ELSE, ...headers }, TARGETS).directives);

describe('a targeted field (RFC 9213 §2.2)', () => {
  it.each<[what: string, headers: Record<string, string>, said: Record<string, string | true>]>([
    ['counts before Cache-Control', { 'cdn-cache-control': 'max-age=60' }, { 'max-age': '60' }],
    [
      'that is meant for us counts before others',
      { 'cdn-cache-control': 'max-age=60', 'ours-cache-control': 'no-store' },
      { 'no-store': true },
    ],
    ['leaves nothing of Cache-Control', { 'cdn-cache-control': 'no-cache' }, { 'no-cache': true }],
    ['of another cache does not count', { 'other-cache-control': 'max-age=60' }, { 'max-age': '1' }],
    ['that is empty does not count (§2.1)', { 'cdn-cache-control': ' ' }, { 'max-age': '1' }],
    ['that is no dictionary does not count', { 'cdn-cache-control': 'max-age=60, &&&' }, { 'max-age': '1' }],
    ['in upper case is no dictionary', { 'cdn-cache-control': 'Max-Age=60' }, { 'max-age': '1' }],
    [
      'that is void leaves the next',
      { 'ours-cache-control': 'max-age =1', 'cdn-cache-control': 'private' },
      { private: true },
    ],
    ['over several lines is one', { 'cdn-cache-control': 'max-age=60,private' }, { 'max-age': '60', private: true }],
  ])('%s', (_what, headers, said) => {
    expect(directives(headers)).toEqual(said);
  });

  it('takes the Expires with it', () => {
    expect(policyOf({ ...ELSE, 'cdn-cache-control': 'public' }, TARGETS).expires).toBeUndefined();
    expect(policyOf(ELSE, TARGETS).expires).toBe('later');
    expect(policyOf({ ...ELSE, 'cdn-cache-control': 'a b' }, TARGETS).expires).toBe('later');
  });

  it.each<[field: string, said: Record<string, string | true>]>([
    ['max-age=60;ext=1', { 'max-age': '60' }],
    ['max-age=60, max-age=30', { 'max-age': '30' }],
    ['max-age=30, max-age=60', { 'max-age': '60' }],
    ['no-cache="a, b"', { 'no-cache': 'a, b' }],
    ['private=?0, no-store=?0, public', { public: true }],
    ['max-age=-1', { 'max-age': '-1' }],
    ['foo=bar, max-age=60', { 'max-age': '60' }],
  ])('is read as a dictionary: %j', (field, said) => {
    expect(directives({ 'cdn-cache-control': field })).toEqual(said);
  });

  it.each([
    'max-age="60", ext',
    'max-age=60.0, ext',
    'max-age, ext',
    'max-age=(60), ext',
    'no-store=1, ext',
    'no-cache=token, ext',
  ])('has no directive of another type than it has (§2.1): %j', (field) => {
    expect(directives({ 'cdn-cache-control': field })).toEqual({ ext: true });
  });
});
