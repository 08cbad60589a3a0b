import { type HttpRequest, optionChecks } from '@turnpike/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyError, type FingerprintOptions, checkFingerprint, fingerprint } from './fingerprint.ts';
import canonicalize from 'canonicalize';

/** A request as it is behind a body parser. */
function request(body: unknown, { url = '/', headers = {}, isRead = true, length = 2 } = {}): HttpRequest {
  const distinct = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const sent = length > 0 ? { 'content-length': String(length) } : {};
  return {
    body,
    originalUrl: url,
    headers: { ...sent, ...headers },
    headersDistinct: distinct,
    readableDidRead: isRead,
  } as unknown as HttpRequest;
}

const print = (body: unknown, options: FingerprintOptions = {}, more = {}): string =>
  fingerprint(options)(request(body, more), 'key');

describe('the print of a payload', () => {
  it('does not depend on the order of members, at any depth', () => {
    expect(print({ a: 1, b: { c: [1, 2], d: null } })).toBe(print({ b: { d: null, c: [1, 2] }, a: 1 }));
    const shuffled = (value: fc.JsonValue): unknown =>
      Array.isArray(value)
        ? value.map(shuffled)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .toReversed()
                .map(([name, one]) => [name, shuffled(one as fc.JsonValue)]),
            )
          : value;
    fc.assert(fc.property(fc.jsonValue(), (value) => print(value) === print(shuffled(value))));
  });

  it.each([
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: '1' }],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: null }, {}],
    [{}, []],
    ['{"a":1}', { a: 1 }],
    [Buffer.from('a'), 'a'],
    [Buffer.from([1]), Buffer.from([2])],
    [0, false],
    ['\u00e9', 'e\u0301'],
  ])('tells %j from %j', (one, other) => {
    expect(print(one)).not.toBe(print(other));
  });

  it('counts only the fields that are named, and not those that are excluded', () => {
    const one = { item: 'mug', sentAt: 1, trace: { id: 1 } };
    const other = { item: 'mug', sentAt: 2, trace: { id: 2 } };
    expect(print(one)).not.toBe(print(other));
    for (const options of [{ fields: ['item'] }, { exclude: ['sentAt', 'trace'] }]) {
      expect(print(one, options)).toBe(print(other, options));
      expect(print(one, options)).not.toBe(print({ ...one, item: 'lamp' }, options));
    }
  });

  it('counts the query parameters and headers that are named', () => {
    const options = { query: ['dry'], headers: ['X-Tenant'] };
    const one = print({}, options, { url: '/o?dry=1&x=1', headers: { 'x-tenant': 'a' } });
    expect(print({}, options, { url: '/o?x=2&dry=1', headers: { 'x-tenant': 'a' } })).toBe(one);
    expect(print({}, options, { url: '/o?dry=0', headers: { 'x-tenant': 'a' } })).not.toBe(one);
    expect(print({}, options, { url: '/o?dry=1&dry=1', headers: { 'x-tenant': 'a' } })).not.toBe(one);
    expect(print({}, options, { url: '/o?dry=1', headers: { 'x-tenant': 'b' } })).not.toBe(one);
    expect(print({}, options, { url: '/o?dry=1' })).not.toBe(one);
  });

  it('counts the bytes where they are given', () => {
    const rawBody = (req: HttpRequest): Buffer => (req as HttpRequest & { raw: Buffer }).raw;
    const raw = (text: string): string =>
      fingerprint({ rawBody })(Object.assign(request({ a: 1 }), { raw: Buffer.from(text) }), 'key');
    expect(raw('{"a":1}')).toBe(raw('{"a":1}'));
    expect(raw('{"a":1}')).not.toBe(raw('{"a": 1}'));
  });

  it('is another for another key, so that a short body cannot be guessed of it', () => {
    expect(fingerprint({})(request({ pin: 1 }), 'a')).not.toBe(fingerprint({})(request({ pin: 1 }), 'b'));
  });

  it('sees headers also where a request was put together by hand, without lines', () => {
    const withHeader = (tenant: string) => ({ ...request({}), headersDistinct: {}, headers: { 'x-tenant': tenant } });
    const of = (tenant: string): string => fingerprint({ headers: ['x-tenant'] })(withHeader(tenant) as never, 'key');
    expect(of('a')).not.toBe(of('b'));
  });

  it('begins with how it was made, so that prints of two ways are not compared', () => {
    const way = (options: FingerprintOptions): string => print({ a: 1 }, options).split(':')[0] ?? '';
    expect(way({})).toMatch(/^v1\.[\w-]{6}$/);
    expect(way({ exclude: ['b'] })).not.toBe(way({}));
    expect(way({})).toBe(way({ query: [] }));
    const options: FingerprintOptions[] = [
      {},
      { fields: ['a'] },
      { query: ['a'] },
      { headers: ['a'] },
      { rawBody: () => 'a' },
    ];
    expect(new Set(options.map(way)).size).toBe(options.length);
    expect(way({ headers: ['X-A', 'b'] })).toBe(way({ headers: ['B', 'x-a'] }));
  });

  it.each([
    ['half a character', JSON.parse(String.raw`{"a":"\ud800"}`)],
    ['100,000 arrays in each other', JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))],
    ['a bigint', { a: 1n }],
  ])('is refused for %s', (_what, body) => {
    expect(() => print(body)).toThrow(BodyError);
  });

  it.each([new Map([['amount', 1]]), new URLSearchParams('amount=1'), new Date(0), new ArrayBuffer(8)])(
    'is refused for %s, whose content is not in its members',
    (body) => {
      expect(() => print(body)).toThrow(expect.objectContaining({ code: 'ERR_TURNPIKE_BODY_UNPARSED' }));
    },
  );

  it.each([
    ['nothing was parsed', undefined, true],
    ['nothing was parsed, as Express 4 says it', {}, false],
  ])('is refused where %s of a body', (_what, body, isRead) => {
    expect(() => print(body, {}, { isRead })).toThrow(
      expect.objectContaining({
        code: 'ERR_TURNPIKE_BODY_UNPARSED',
        message: expect.stringContaining('express.json()'),
      }),
    );
    expect(() => print(body, {}, { isRead, length: 0 })).not.toThrow();
    expect(() => print(body, {}, { isRead, length: 0, headers: { 'transfer-encoding': 'chunked' } })).toThrow(
      'not parsed',
    );
  });
});

it('canonical JSON is that of RFC 8785, by its own examples', () => {
  // §3.2.2, §3.2.3 and appendix B.
  const example = {
    numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\u0022\u002f",
    literals: [null, true, false],
  };
  expect(canonicalize(example)).toBe(
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
  const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
  expect(Object.values(JSON.parse(canonicalize(names) ?? '') as object)).toEqual([4, 2, 6, 7, 1, 5, 3]);
  const numbers: [number, string][] = [
    [-0, '0'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [295147905179352830000, '295147905179352830000'],
    [9.999999999999997e22, '9.999999999999997e+22'],
    [1e23, '1e+23'],
    [0.000001, '0.000001'],
    [1e-7, '1e-7'],
    [Number('333333333.33333329'), '333333333.3333333'],
  ];
  for (const [number, text] of numbers) expect(canonicalize(number)).toBe(text);
});

it.each([
  [{ field: ['a'] }, 'option "fingerprint" must be of fields, exclude'],
  [{ fields: 'a' }, 'option "fingerprint.fields" must be an array of strings'],
  [{ headers: [1] }, 'option "fingerprint.headers" must be an array of strings'],
  [{ rawBody: true }, 'option "fingerprint.rawBody" must be a function'],
])('options %j are refused', (options, message) => {
  const given = options as unknown as FingerprintOptions;
  expect(() => checkFingerprint(optionChecks('idempotency', given), given)).toThrow(message);
});
