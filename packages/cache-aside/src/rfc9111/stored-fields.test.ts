import type { RecordedHeader } from '@turnpike/core/http';
import { describe, expect, it } from 'vitest';
import { directivesOf } from '../express/cache-control.ts';
import { isStoredField, storedFields } from './stored-fields.ts';

const NOBODY: ReadonlySet<string> = new Set();
const AT_MS = Date.parse('Wed, 01 Jan 2025 00:00:00 GMT');
const DATED: RecordedHeader = ['Date', 'Tue, 31 Dec 2024 23:59:00 GMT'];

describe('a header field is stored (RFC 9111 §3.1)', () => {
  it.each([
    'date',
    'set-cookie',
    'set-cookie2',
    'content-type',
    'expires',
    'x-unknown',
    'server-timing',
    'ratelimit-limit',
    'via',
  ])('%s', (name) => {
    expect(isStoredField(name, NOBODY)).toBe(true);
  });

  it.each([
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authentication-info',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
  ])('but not %s', (name) => {
    expect(isStoredField(name, NOBODY)).toBe(false);
  });

  it('but not one that Connection lists', () => {
    expect(isStoredField('x-hop', new Set(['x-hop']))).toBe(false);
  });
});

describe('the fields of an answer are stored', () => {
  it.each<[what: string, cacheControl: string, names: string[]]>([
    ['all', 'max-age=60', ['X-A', 'X-B', 'Date']],
    ['but those that no-cache names (§5.2.2.4)', 'no-cache="x-a"', ['X-B', 'Date']],
    ['but those that private names (§5.2.2.7)', 'private="X-B"', ['X-A', 'Date']],
    ['but those that either names, over several lines', 'private="x-b", no-cache="x-a", no-cache="x-c"', ['Date']],
    ['all, where no-cache is about all of it', 'no-cache', ['X-A', 'X-B', 'Date']],
    ['all, where no-cache is about all of it, and some', 'no-cache="x-a", no-cache', ['X-A', 'X-B', 'Date']],
  ])('%s', (_what, cacheControl, names) => {
    const stored = storedFields([['X-A', '1'], ['X-B', '2'], DATED], directivesOf(cacheControl), AT_MS);
    expect(stored.map(([name]) => name)).toEqual(names);
  });

  it('with the Date they have', () => {
    expect(storedFields([DATED], new Map(), AT_MS)).toEqual([DATED]);
  });

  it('with the Date of their arrival, where they have none (RFC 9110 §6.6.1)', () => {
    expect(storedFields([], new Map(), AT_MS)).toEqual([['Date', 'Wed, 01 Jan 2025 00:00:00 GMT']]);
  });

  it('without an Age, and what caches said of this answer: that is said anew', () => {
    const told: RecordedHeader[] = [['AGE', '30'], ['Cache-Status', 'other; hit'], DATED];
    expect(storedFields(told, new Map(), AT_MS)).toEqual([DATED]);
  });
});
