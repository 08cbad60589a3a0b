import { describe, expect, it } from 'vitest';
import { httpDate } from './http-date.ts';

const INSTANT = Date.UTC(2033, 10, 6, 8, 49, 37);

describe('a date is read', () => {
  it.each([
    ['in the form now in use', 'Sun, 06 Nov 2033 08:49:37 GMT'],
    ['in that of RFC 850', 'Sunday, 06-Nov-33 08:49:37 GMT'],
    ['in that of asctime', 'Sun Nov  6 08:49:37 2033'],
    ['with white space around it', ' Sun, 06 Nov 2033 08:49:37 GMT\t'],
    ['whatever the case of its day (RFC 9111 §4.2)', 'SUN, 06 Nov 2033 08:49:37 GMT'],
    ['whatever the case of its month', 'Sun, 06 nOV 2033 08:49:37 GMT'],
    ['whatever the case of its zone', 'Sun, 06 Nov 2033 08:49:37 gmt'],
  ])('%s', (_what, text) => {
    expect(httpDate(text)).toBe(INSTANT);
  });

  it('in a leap second as the first of the next minute', () => {
    expect(httpDate('Sat, 31 Dec 2016 23:59:60 GMT')).toBe(Date.UTC(2017, 0, 1));
  });

  it('with a year of two digits as of the last or the next fifty years (RFC 9110 §5.6.7)', () => {
    const thisYear = new Date().getUTCFullYear();
    const read = (year: number): number =>
      new Date(httpDate(`Sunday, 06-Nov-${String(year % 100).padStart(2, '0')} 08:49:37 GMT`)).getUTCFullYear();
    expect(read(thisYear)).toBe(thisYear);
    expect(read(thisYear + 50)).toBe(thisYear + 50);
    expect(read(thisYear + 51)).toBe(thisYear - 49);
    expect(read(thisYear - 49)).toBe(thisYear - 49);
  });
});

describe('no date is', () => {
  it.each([
    ['nothing', undefined],
    ['a number', '0'],
    ['another zone', 'Sun, 06 Nov 2033 08:49:37 UTC'],
    ['an offset', 'Sun, 06 Nov 2033 08:49:37 +0000'],
    ['the form of ISO 8601', '2033-11-06T08:49:37Z'],
    ['a year of two digits in the form now in use', 'Sun, 06 Nov 33 08:49:37 GMT'],
    ['one without a comma', 'Sun 06 Nov 2033 08:49:37 GMT'],
    ['one with more white space', 'Sun, 06  Nov  2033 08:49:37 GMT'],
    ['one with dashes', 'Sun, 06-Nov-2033 08:49:37 GMT'],
    ['an hour of one digit', 'Sun, 06 Nov 2033 8:49:37 GMT'],
    ['a time with full stops', 'Sun, 06 Nov 2033 08.49.37 GMT'],
    ['an hour that there is not', 'Sun, 06 Nov 2033 24:00:00 GMT'],
    ['a minute that there is not', 'Sun, 06 Nov 2033 08:60:00 GMT'],
    ['a month that there is not', 'Sun, 06 Foo 2033 08:49:37 GMT'],
    ['a day that there is not', 'Sun, 31 Feb 2033 08:49:37 GMT'],
    ['a day zero', 'Sun, 00 Nov 2033 08:49:37 GMT'],
    ['two dates', 'Sun, 06 Nov 2033 08:49:37 GMT, Sun, 06 Nov 2033 08:49:38 GMT'],
  ])('%s', (_what, text) => {
    expect(httpDate(text)).toBeNaN();
  });
});
