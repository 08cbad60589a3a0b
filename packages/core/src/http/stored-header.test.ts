import { expect, it } from 'vitest';
import { storedHeaders } from './stored-header.ts';

it('takes headers written by hand as they are recorded, without what is never stored', () => {
  const headers = {
    Location: '/orders/7',
    'X-Order': 7,
    Link: ['<a>', '<b>'],
    'X-Absent': undefined,
    'Set-Cookie': 'sid=1',
    'Content-Length': 5,
    'Transfer-Encoding': 'chunked',
    'RateLimit-Policy': 'x',
  };
  expect(storedHeaders(headers)).toEqual([
    ['Location', '/orders/7'],
    ['X-Order', '7'],
    ['Link', ['<a>', '<b>']],
  ]);
});

it.each([
  ['Location', '/orders/\u0142'],
  ['X-Order', 'a\r\nSet-Cookie: sid=1'],
  ['Bad Name', 'a'],
])('refuses %s: %j', (name, value) => {
  expect(() => storedHeaders({ [name]: value })).toThrow(TypeError);
});
