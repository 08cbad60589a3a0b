import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Recording } from '@turnpike/core/http';
import { describe, expect, it } from 'vitest';
import { answerPage, forClient } from './answer.ts';
import type { Conditions } from './conditional.ts';

const DATE = 'Thu, 01 Jan 2026 00:00:00 GMT';

const PAGE: Recording = {
  status: 200,
  statusMessage: undefined,
  headers: [
    ['Content-Type', 'text/plain'],
    ['ETag', '"a"'],
    ['Last-Modified', DATE],
    ['Vary', 'Accept'],
    ['X-Page', '1'],
  ],
  removed: ['X-Powered-By'],
  body: Buffer.from('0123456789'),
  isOverCap: false,
};

const with_ = (headers: Recording['headers'], more: Partial<Recording> = {}): Recording => ({
  ...PAGE,
  headers: [...PAGE.headers, ...headers],
  ...more,
});

const given = (conditions: Conditions, page: Recording = PAGE, mayBePart = true) => {
  const { status, headers, body, ...rest } = forClient(page, conditions, mayBePart);
  const named = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
  return { status, headers: named, body: body?.toString(), ...rest };
};

describe('a client that asks for nothing special', () => {
  it('gets the page itself', () => {
    expect(forClient(PAGE, {}, true)).toBe(PAGE);
  });
});

describe('a client that has the page already', () => {
  it.each<[conditions: Conditions]>([
    [{ 'if-none-match': '"a"' }],
    [{ 'if-none-match': 'W/"a", "b"' }],
    [{ 'if-none-match': '*' }],
    [{ 'if-modified-since': DATE }],
    // Conditions are asked before a range is (RFC 9110 §13.2.2).
    [{ 'if-none-match': '"a"', range: 'bytes=0-1' }],
    [{ 'if-none-match': '"a"', range: 'bytes=99-', 'if-range': '"b"' }],
  ])('is told so: %j', (conditions) => {
    expect(given(conditions)).toMatchObject({
      status: 304,
      headers: { etag: '"a"', vary: 'Accept', 'x-page': '1' },
      body: undefined,
      removed: ['X-Powered-By'],
    });
    expect(Object.keys(given(conditions).headers)).toEqual(['etag', 'vary', 'x-page']);
  });

  it('is told so by HEAD', () => {
    expect(given({ 'if-none-match': '"a"' }, PAGE, false).status).toBe(304);
  });

  it('is not told the phrase of another status', () => {
    expect(given({ 'if-none-match': '"a"' }, with_([], { statusMessage: 'Fine' })).statusMessage).toBeUndefined();
  });

  it('is told so of an empty page, and of an encoded one', () => {
    expect(given({ 'if-none-match': '"a"' }, with_([], { body: Buffer.alloc(0) })).status).toBe(304);
    expect(given({ 'if-none-match': '"a"' }, with_([['Content-Encoding', 'gzip']])).status).toBe(304);
  });
});

describe('a client that wants a part (RFC 9110 §14.2)', () => {
  it.each<[conditions: Conditions, body: string, range: string]>([
    [{ range: 'bytes=0-3' }, '0123', 'bytes 0-3/10'],
    [{ range: 'bytes=8-' }, '89', 'bytes 8-9/10'],
    [{ range: 'bytes=-1' }, '9', 'bytes 9-9/10'],
    [{ range: 'bytes=0-99' }, '0123456789', 'bytes 0-9/10'],
    [{ range: 'bytes=0-3', 'if-range': '"a"' }, '0123', 'bytes 0-3/10'],
    [{ range: 'bytes=0-3', 'if-range': DATE }, '0123', 'bytes 0-3/10'],
    [{ range: 'bytes=0-3', 'if-none-match': '"b"' }, '0123', 'bytes 0-3/10'],
  ])('gets it: %j', (conditions, body, range) => {
    expect(given(conditions)).toMatchObject({
      status: 206,
      body,
      headers: {
        'content-range': range,
        'content-type': 'text/plain',
        etag: '"a"',
        'last-modified': DATE,
        vary: 'Accept',
        // What compresses would make other bytes of it.
        'cache-control': 'no-transform',
      },
      removed: ['X-Powered-By'],
    });
  });

  it.each<[what: string, conditions: Conditions]>([
    ['of several', { range: 'bytes=0-1,3-4' }],
    ['that ends before it begins', { range: 'bytes=5-3' }],
    ['in a unit that there is not', { range: 'lines=0-1' }],
    ['of another version (§13.1.5)', { range: 'bytes=0-3', 'if-range': '"b"' }],
    ['of a version that is only nearly the same', { range: 'bytes=0-3', 'if-range': 'W/"a"' }],
    ['of an older version', { range: 'bytes=0-3', 'if-range': 'Wed, 31 Dec 2025 23:59:59 GMT' }],
    ['of another version, where it could not have it', { range: 'bytes=99-', 'if-range': '"b"' }],
    ['of no range', { 'if-range': '"a"' }],
  ])('%s gets all of it', (_what, conditions) => {
    expect(forClient(PAGE, conditions, true)).toBe(PAGE);
  });

  it.each<[what: string, page: Recording, mayBePart: boolean]>([
    ['by HEAD (§14.2)', PAGE, false],
    ['of what is encoded', with_([['Content-Encoding', 'gzip']]), true],
    ['of what is encoded, in lower case', with_([['content-encoding', 'br']]), true],
    ['of what has no body', with_([], { body: undefined }), true],
    ['of a 203', with_([], { status: 203 }), true],
    ['of a 404', with_([], { status: 404 }), true],
  ])('%s gets all of it', (_what, page, mayBePart) => {
    expect(forClient(page, { range: 'bytes=0-3', 'if-none-match': '"b"' }, mayBePart)).toBe(page);
  });

  it.each<[what: string, before: Recording['headers'], after: string]>([
    ['one', [['Cache-Control', 'max-age=60']], 'max-age=60, no-transform'],
    ['one in lower case', [['cache-control', 'max-age=60']], 'max-age=60, no-transform'],
    ['one of two lines', [['Cache-Control', ['public', 'max-age=60']]], 'public,max-age=60, no-transform'],
    ['an empty one', [['Cache-Control', '']], 'no-transform'],
  ])('gets it with one Cache-Control, where the page has %s', (_what, before, after) => {
    const { headers } = forClient(with_(before), { range: 'bytes=0-3' }, true);
    expect(headers.filter(([name]) => name.toLowerCase() === 'cache-control')).toEqual([['Cache-Control', after]]);
  });

  it('gets it without what is true of the whole only (RFC 9530 §2)', () => {
    const page = with_([
      ['Content-Digest', 'sha-256=:x:'],
      ['Content-MD5', 'x'],
      ['Repr-Digest', 'sha-256=:x:'],
    ]);
    const { headers } = given({ range: 'bytes=0-3' }, page);
    expect(headers).toHaveProperty('repr-digest');
    expect(headers).not.toHaveProperty('content-digest');
    expect(headers).not.toHaveProperty('content-md5');
  });

  it('is not told the phrase of another status', () => {
    const page = with_([], { statusMessage: 'Fine' });
    expect(given({ range: 'bytes=0-3' }, page).statusMessage).toBeUndefined();
    expect(given({ range: 'bytes=99-' }, page).statusMessage).toBeUndefined();
  });

  it.each<[range: string, body: string, says: string]>([
    ['bytes=10-', '0123456789', 'bytes */10'],
    ['bytes=-0', '0123456789', 'bytes */10'],
    ['bytes=0-', '', 'bytes */0'],
  ])('that there is not is told so: %s of %j (§15.5.17)', (range, body, says) => {
    expect(given({ range }, with_([], { body: Buffer.from(body) }))).toMatchObject({
      status: 416,
      headers: { 'content-range': says },
      body: '',
    });
  });
});

describe('conditions count for a 200 only (RFC 9110 §13.2.1)', () => {
  it.each([204, 301, 308, 404])('and not for a %i', (status) => {
    const page = with_([], { status });
    expect(forClient(page, { 'if-none-match': '*', range: 'bytes=0-1' }, true)).toBe(page);
  });
});

describe('an answer', () => {
  it.each([
    [0, 0],
    [979, 0],
    [980, 1],
    [1000, 1],
    [61_979, 61],
  ])('of %i ms says Age: %i', async (ageMs, age) => {
    const req = Object.assign(new IncomingMessage(new Socket()), { method: 'GET' });
    const res = new ServerResponse(req);
    await answerPage({ recording: PAGE, ageMs }, {}, req, res);
    expect(res.getHeader('Age')).toBe(age);
    expect(res.getHeader('Content-Length')).toBe(10);
    expect(res.writableEnded).toBe(true);
  });
});
