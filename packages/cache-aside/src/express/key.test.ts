import type { IncomingHttpHeaders } from 'node:http';
import type { HttpRequest } from '@turnpike/core';
import { describe, expect, it } from 'vitest';
import { canonical, pathTagOf, targetOf } from './key.ts';

const request = (url: string, headers: IncomingHttpHeaders = { host: 'shop.test' }, more: object = {}): HttpRequest =>
  ({ url, headers, ...more }) as unknown as HttpRequest;

describe('a Host (RFC 9110 §7.2)', () => {
  it.each([
    'shop.test',
    'SHOP.test',
    'shop.test.',
    'shop.test:8080',
    'localhost',
    'my_shop.test',
    'xn--caf-dma.test',
    '127.0.0.1',
    '127.0.0.1:80',
    '[::1]',
    '[::1]:80',
    '[::ffff:127.0.0.1]',
  ])('%s is one', (host) => {
    expect(targetOf(request('/x', { host }), undefined, undefined)).toMatchObject({ kind: 'page' });
  });

  it.each([
    undefined,
    '',
    ' ',
    ' shop.test',
    'shop.test ',
    'shop test',
    'shop.test,evil.test',
    'shop.test/evil',
    'shop.test?evil',
    'shop.test#evil',
    'ann@shop.test',
    'shop.test:port',
    'shop.test:999999',
    'shop.test:80:80',
    '[::1',
    '::1',
    '[shop.test]',
    '%73hop.test',
    'café.test',
    'shop.test\n',
    'shop.test\u0000',
    '"shop.test"',
    '<script>',
  ])('%j is none', (host) => {
    expect(targetOf(request('/x', { host }), undefined, undefined)).toEqual({ kind: 'none', why: 'host' });
  });
});

describe('a request target (RFC 9112 §3.2)', () => {
  it.each(['/', '/x', '//x', '/x?a=1', '/x#a', '/%', '/é', '/\u0000'])('%j is a path', (url) => {
    expect(targetOf(request(url), undefined, undefined)).toMatchObject({ kind: 'page' });
  });

  it.each(['', '*', 'x', '?a=1', '#a', '\\x', ' /x', 'http://shop.test/x', 'shop.test:443'])('%j is none', (url) => {
    const none = { kind: 'none', why: 'target' };
    expect(targetOf(request(url), undefined, undefined)).toEqual(none);
    expect(targetOf(request('/x', undefined, { originalUrl: url }), undefined, undefined)).toEqual(none);
  });

  it('is the one that came, where a router has taken off a part', () => {
    expect(targetOf(request('x', undefined, { originalUrl: '/x' }), undefined, undefined)).toMatchObject({
      kind: 'page',
    });
  });
});

it('a key is a digest: short, and of characters that are safe everywhere', () => {
  for (const scope of [undefined, '', 'ann', 'x'.repeat(10_000), '\uD800', '{}:*\r\n']) {
    const target = targetOf(request(`/${'x'.repeat(5000)}?a=1`), scope, undefined);
    expect(target).toEqual({ kind: 'page', url: expect.stringMatching(/^[\w-]{43}$/) });
  }
});

describe('a URL in its canonical form', () => {
  it.each<[what: string, url: string, expected: string]>([
    ['has no query', '/x', '/x'],
    ['has an empty query', '/x?', '/x?'],
    ['is sorted by names', '/x?b=1&a=2', '/x?a=2&b=1'],
    ['is sorted by names alone', '/x?a=2&a=1&A=3', '/x?A=3&a=2&a=1'],
    ['is sorted by names as they are meant', '/x?b=1&%61=2', '/x?%61=2&b=1'],
    ['keeps lists together', '/x?b=1&a[]=3&a=1&a%5B%5D=2', '/x?a[]=3&a=1&a%5B%5D=2&b=1'],
    ['keeps objects together', '/x?b=1&a[y]=3&a.x=1&a[x][z]=2', '/x?a[y]=3&a.x=1&a[x][z]=2&b=1'],
    ['keeps spaces together', '/x?b=1&a+b=2&a%20b=1', '/x?a+b=2&a%20b=1&b=1'],
    ['keeps values as they are', '/x?b=%61&a=+', '/x?a=+&b=%61'],
    ['keeps what has no value', '/x?b&a', '/x?a&b'],
    ['keeps empty pieces', '/x?b&&a&', '/x?&&a&b'],
    ['has question marks', '/x?b=?&a=/', '/x?a=/&b=?'],
    ['keeps the path as it is', '/X//%78/?a', '/X//%78/?a'],
  ])('that %s: %s', (_what, url, expected) => {
    expect(canonical(url)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
  });

  it.each([
    '/x?b=1&a=b]=2',
    '/x?b=1&a=b%5D=2',
    '/x?b=1&a[b]%FF=2',
    '/x?b=1&[a]=2',
    '/x?b=1&[]=2',
    '/x?b=1&.=2',
    '/x?b=1&a[=2',
    '/x?b=1&a]=2',
    `/x?${Array.from({ length: 101 }, (_, n) => `p${200 - n}`).join('&')}`,
  ])('stays in its order where parsers do not agree: %s', (url) => {
    expect(canonical(url)).toBe(url);
  });

  it.each<[what: string, url: string, names: string[], expected: string]>([
    ['those that count', '/x?c=3&b=2&a=1', ['a', 'c'], '/x?a=1&c=3'],
    ['those that count, as they are meant', '/x?%61=1&b=2', ['a'], '/x?%61=1'],
    ['lists and objects of those that count', '/x?b=1&a[]=1&a.b=2&a[b]=3', ['a'], '/x?a[]=1&a.b=2&a[b]=3'],
    ['no name that only begins alike', '/x?ab=1&a=2', ['a'], '/x?a=2'],
    ['no name in another case', '/x?A=1&a=2', ['a'], '/x?a=2'],
    ['nothing where none is there', '/x?b=1', ['a'], '/x'],
    ['nothing where none counts', '/x?a=1', [], '/x'],
    ['nothing of no query', '/x?', ['a'], '/x'],
    ['what may be any name', '/x?b=1&[a]=2', ['a'], '/x?[a]=2'],
  ])('holds %s: %s', (_what, url, names, expected) => {
    expect(canonical(url, names)).toBe(expected);
  });
});

describe('the tag of a path', () => {
  it.each([
    ['/x', '/x/'],
    ['/x', '/x//'],
    ['/x', '/X'],
    ['/x', '/%78'],
    ['/x', '/x?a=1'],
    ['/x', '/x?/y'],
    ['/x', '/x#a'],
    ['/x', '/x/?a#b'],
    ['/x/y', '/x%2Fy'],
    ['/é', '/%C3%A9'],
    ['/É', '/%c3%a9'],
    ['/', ''],
    ['/', '/?a=1'],
  ])('%s is that of %s', (one, other) => {
    expect(pathTagOf(request(one))).toBe(pathTagOf(request(other)));
  });

  it.each([
    ['/x', '/y'],
    ['/x', '/x/y'],
    ['/x', '/'],
    ['/x', '//x'],
    ['/x', '/%2578'],
    ['/x%3F', '/x?'],
    ['/x%', '/x'],
  ])('%s is not that of %s', (one, other) => {
    expect(pathTagOf(request(one))).not.toBe(pathTagOf(request(other)));
  });

  it('is that of the URL as it came, whatever the host, the scope, and the router', () => {
    const plain = pathTagOf(request('/a/x'));
    expect(pathTagOf(request('/x', { host: 'other.test' }, { originalUrl: '/a/x', baseUrl: '/a' }))).toBe(plain);
    expect(pathTagOf(request('/a/x', {}))).toBe(plain);
  });

  it.each(['/%', '/%FF', '/%E0%A4%A', '/\uD800', '/\u0000'])('is there also of %j', (url) => {
    expect(pathTagOf(request(url))).toMatch(/^path-\d+$/);
  });
});
