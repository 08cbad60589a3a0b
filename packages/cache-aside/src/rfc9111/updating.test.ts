import type { RecordedHeader } from '@turnpike/core/http';
import { describe, expect, it } from 'vitest';
import { identifies, updatedFields } from './updating.ts';

const STORED: RecordedHeader[] = [
  ['Content-Type', 'text/plain'],
  ['Content-Length', '5'],
  ['ETag', '"a"'],
  ['Set-Cookie', ['a=1', 'b=2']],
  ['X-Only-Stored', '1'],
];

describe('a 304 updates what is stored (RFC 9111 §3.2)', () => {
  it.each<[what: string, said: RecordedHeader[], name: string, values: unknown[]]>([
    ['by what it says', [['Content-Type', 'text/html']], 'content-type', ['text/html']],
    ['in whatever case', [['content-type', 'text/html']], 'content-type', ['text/html']],
    ['by what is new', [['X-New', '1']], 'x-new', ['1']],
    ['by all lines of it, for all there were', [['Set-Cookie', ['c=3']]], 'set-cookie', [['c=3']]],
    ['and leaves what it does not say', [], 'x-only-stored', ['1']],
    ['but not how long the body is', [['Content-Length', '0']], 'content-length', ['5']],
    ['but not which version it is', [['ETag', '"b"']], 'etag', ['"a"']],
    ['but not how the body is encoded', [['Content-Encoding', 'gzip']], 'content-encoding', []],
    ['but not which part it is', [['Content-Range', 'bytes 0-1/2']], 'content-range', []],
    [
      'but not what the body amounts to',
      [
        ['Content-MD5', 'x'],
        ['Repr-Digest', 'x'],
      ],
      'content-md5',
      [],
    ],
  ])('%s', (_what, said, name, values) => {
    const updated = updatedFields(STORED, said).filter(([field]) => field.toLowerCase() === name);
    expect(updated.map(([, value]) => value)).toEqual(values);
  });
});

describe('a 304 is about what is stored (RFC 9111 §4.3.4)', () => {
  it.each<[what: string, said: RecordedHeader[], stored: RecordedHeader[], isSo: boolean]>([
    ['where it names the same strong validator', [['etag', '"a"']], [['ETag', '"a"']], true],
    ['not where it names another', [['ETag', '"b"']], [['ETag', '"a"']], false],
    ['not where the same is weak here', [['ETag', '"a"']], [['ETag', 'W/"a"']], false],
    ['not where there is none here', [['ETag', '"a"']], [], false],
    ['where its validator is weak', [['ETag', 'W/"b"']], [['ETag', '"a"']], true],
    ['where it names none', [], [['ETag', '"a"']], true],
  ])('%s', (_what, said, stored, isSo) => {
    expect(identifies(said, stored)).toBe(isSo);
  });
});
