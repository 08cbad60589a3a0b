import type { HttpRequest } from '@turnpike/core';
import { describe, expect, it } from 'vitest';
import { changedUrls } from './invalidation.ts';

const REQUEST = {
  originalUrl: '/orders/1?a=b',
  protocol: 'https',
  headers: { host: 'shop.test' },
} as unknown as HttpRequest;

const changed = (status: number, headers: Record<string, string> = {}): readonly string[] | undefined =>
  changedUrls(REQUEST, { status, headers });

describe('an unsafe method changes (RFC 9111 §4.4)', () => {
  it.each([200, 201, 204, 301, 303, 304])('its own URL, when it is answered with %s', (status) => {
    expect(changed(status)).toEqual([]);
  });

  it.each([400, 404, 409, 500, 503])('nothing, when it is answered with %s', (status) => {
    expect(changed(status, { location: '/orders/2' })).toBeUndefined();
  });

  it.each<[what: string, headers: Record<string, string>, urls: string[]]>([
    ['the Location', { location: '/orders/2' }, ['/orders/2']],
    ['the Content-Location', { 'content-location': '/orders/2' }, ['/orders/2']],
    ['both', { location: '/orders/2', 'content-location': '/orders' }, ['/orders/2', '/orders']],
    ['what is named from where it is', { location: '2' }, ['/orders/2']],
    ['what is named in full', { location: 'https://shop.test/orders/2?c#d' }, ['/orders/2']],
    ['what is named with the port that it has anyway', { location: 'https://shop.test:443/a' }, ['/a']],
    ['nothing of another host', { location: 'https://other.test/orders/2' }, []],
    ['nothing of another port', { location: 'https://shop.test:8443/orders/2' }, []],
    ['nothing of another scheme', { location: 'http://shop.test/orders/2' }, []],
    ['nothing of another host, named without a scheme', { location: '//other.test/orders/2' }, []],
    ['nothing that is no URL', { location: 'http://[' }, []],
    ['nothing that is no page', { location: 'mailto:a@shop.test' }, []],
  ])('%s', (_what, headers, urls) => {
    expect(changed(201, headers)).toEqual(urls);
  });
});
