import type { HttpRequest } from '@turnpike/core';
import { expect, it } from 'vitest';
import { namedUrls } from './named-urls.ts';

const asked = (originalUrl: string, host: string | undefined = 'shop.test'): HttpRequest =>
  ({ originalUrl, protocol: 'https', headers: { host } }) as unknown as HttpRequest;

it.each<[says: Record<string, string>, paths: string[]]>([
  [{}, []],
  [{ location: '/orders/7' }, ['/orders/7']],
  [{ location: '7?seen=1#top' }, ['/shop/7']],
  [{ location: 'https://shop.test/orders/7' }, ['/orders/7']],
  [{ location: '//shop.test/orders/7' }, ['/orders/7']],
  [{ location: '/a', 'content-location': '/b' }, ['/a', '/b']],
  // Of others nobody here can say what has changed.
  [{ location: 'https://other.test/orders/7' }, []],
  [{ location: 'http://shop.test/orders/7' }, []],
  [{ location: 'https://shop.test:444/orders/7' }, []],
  [{ location: 'mailto:a@shop.test' }, []],
  [{ location: 'http://[' }, []],
])('an answer to /shop/orders that says %j names %j', (says, paths) => {
  expect(namedUrls(asked('/shop/orders'), says)).toEqual(paths);
});

it('a request that names no host there is changes nothing else', () => {
  expect(namedUrls(asked('/', 'a b'), { location: '/x' })).toEqual([]);
});
