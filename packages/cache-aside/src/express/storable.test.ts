import { describe, expect, it } from 'vitest';
import { type Refusal, fieldsOf, headRefusal } from './storable.ts';

const NONE = (): boolean => false;

const refused = (headers: Record<string, string>, status = 200, isAllowed: (status: number) => boolean = NONE) =>
  headRefusal({ status, headers }, isAllowed);

describe('an answer is not stored', () => {
  it.each<[why: Refusal, what: string, headers: Record<string, string>]>([
    ['set-cookie', 'sets a cookie', { 'set-cookie': 'a=1' }],
    ['set-cookie', 'sets an empty cookie', { 'set-cookie': '' }],
    ['set-cookie', 'sets one, and says that it is public', { 'set-cookie': 'a=1', 'cache-control': 'public' }],
    ['private', 'is private (RFC 9111 §5.2.2.7)', { 'cache-control': 'private' }],
    ['private', 'is Private', { 'cache-control': 'max-age=60, Private' }],
    ['private', 'is private and public', { 'cache-control': 'public, private' }],
    ['private', 'is private in part', { 'cache-control': 'private="x-a", max-age=60' }],
    ['no-store', 'says no-store (RFC 9111 §5.2.2.5)', { 'cache-control': 'no-store' }],
    ['no-store', 'says no-store without a comma', { 'cache-control': 'max-age=60 no-store' }],
    ['no-store', 'says No-Store with a value', { 'cache-control': 'No-Store=1' }],
    ['no-cache', 'says no-cache (RFC 9111 §5.2.2.4)', { 'cache-control': 'no-cache' }],
    ['no-cache', 'says it of a field', { 'cache-control': 'no-cache="set-cookie"' }],
    ['no-cache', 'says Pragma: no-cache (RFC 9111 §5.4)', { pragma: 'no-cache' }],
    ['no-cache', 'says Pragma: No-Cache among others', { pragma: 'x=1, No-Cache' }],
    ['vary', 'varies by everything (RFC 9111 §4.1)', { vary: '*' }],
    ['vary', 'varies by everything, among others', { vary: 'Accept, *' }],
    ['vary', 'varies by who asks', { vary: 'Cookie' }],
    ['vary', 'varies by who asks, among others', { vary: 'accept,AUTHORIZATION' }],
    ['vary', 'varies by what is taken out of the request', { vary: 'Range' }],
    ['vary', 'varies by what the client has', { vary: 'If-None-Match' }],
    ['event-stream', 'is an event stream', { 'content-type': 'text/event-stream' }],
    ['event-stream', 'is an event stream with a charset', { 'content-type': ' Text/Event-Stream; charset=utf-8' }],
    ['partial', 'is a part, whatever its status (RFC 9110 §14.4)', { 'content-range': 'bytes 0-1/2' }],
  ])('%s: that %s', (why, _what, headers) => {
    expect(refused(headers)).toBe(why);
  });

  it.each<[what: string, headers: Record<string, string>]>([
    ['says nothing', {}],
    ['is public', { 'cache-control': 'public, max-age=60' }],
    ['must be revalidated', { 'cache-control': 'max-age=60, must-revalidate' }],
    ['has a directive in quotes', { 'cache-control': 'ext="private, no-store"' }],
    ['has a directive of a longer name', { 'cache-control': 'private-ish, no-storage, x-no-cache' }],
    ['says another Pragma', { pragma: 'x-no-cache' }],
    ['varies by what can be told', { vary: 'Accept, Accept-Encoding, X-Cookie' }],
    ['varies by nothing', { vary: '' }],
    ['is of another type', { 'content-type': 'text/event-streaming' }],
    ['mentions event streams', { 'content-type': 'text/plain; of=text/event-stream' }],
  ])('unless it %s', (_what, headers) => {
    expect(refused(headers)).toBeUndefined();
  });
});

describe('a status', () => {
  it.each([200, 203, 204, 301, 308])('%i is stored', (status) => {
    expect(refused({}, status)).toBeUndefined();
  });

  it.each([
    100, 101, 103, 201, 202, 205, 207, 300, 302, 303, 304, 307, 400, 401, 403, 404, 405, 410, 416, 429, 500, 503,
  ])('%i is not, unless it is allowed', (status) => {
    expect(refused({}, status)).toBe('status');
    expect(refused({}, status, (one) => one === status)).toBeUndefined();
  });

  it('206 never is (RFC 9110 §15.3.7)', () => {
    expect(refused({}, 206)).toBe('partial');
    expect(refused({}, 206, () => true)).toBe('partial');
  });

  it('that is allowed is refused for what it says all the same', () => {
    expect(refused({ 'cache-control': 'private' }, 404, () => true)).toBe('private');
  });
});

describe('the fields of a Vary (RFC 9110 §12.5.5)', () => {
  it.each<[vary: string | undefined, fields: string[]]>([
    [undefined, []],
    ['', []],
    [' , ,', []],
    ['Accept', ['accept']],
    ['Origin,Accept-Language', ['accept-language', 'origin']],
    ['accept , ACCEPT,Accept', ['accept']],
    ['*', ['*']],
  ])('%j', (vary, fields) => {
    expect(fieldsOf(vary)).toEqual(fields);
  });
});
