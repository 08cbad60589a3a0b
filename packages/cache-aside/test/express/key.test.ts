import type { IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import type { HttpRequest } from '@turnpike/core';
import { scale } from '@turnpike/test-kit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { targetOf } from '../../src/express/key.ts';
import { EXPRESSES, type ExpressOf } from './app.ts';

/** What a key is made of, in pieces that can be changed one by one. */
interface Asked {
  readonly host: string;
  readonly path: string;
  readonly pieces: readonly string[];
  /** How much of the path a router has taken off `url`. */
  readonly mount: string;
  /** What a middleware has written in the place of `url`. */
  readonly rewritten: string | undefined;
  readonly protocol: string;
  readonly hostname: string;
  readonly headers: IncomingHttpHeaders;
  readonly scope: string | undefined;
  readonly query: readonly string[] | undefined;
}

const urlOf = ({ path, pieces }: Pick<Asked, 'path' | 'pieces'>): string =>
  pieces.length === 0 ? path : `${path}?${pieces.join('&')}`;

const requestOf = (asked: Asked): HttpRequest => {
  const { host, path, mount, rewritten, protocol, hostname, headers } = asked;
  const isMounted = mount !== '' && path.startsWith(`${mount}/`);
  const baseUrl = isMounted ? mount : '';
  const originalUrl = urlOf(asked);
  const url = rewritten ?? originalUrl.slice(baseUrl.length);
  return { headers: { ...headers, host }, originalUrl, url, baseUrl, protocol, hostname } as unknown as HttpRequest;
};

const keyOf = (asked: Asked): string => {
  const target = targetOf(requestOf(asked), asked.scope, asked.query);
  return target.kind === 'page' ? target.url : `none: ${target.why}`;
};

/** The query of a URL as the apps of our users see it: by each Express, with each of its parsers. */
type Parse = (url: string) => unknown;

const PARSERS: Parse[] = EXPRESSES.flatMap(([version, express]) => {
  const require = createRequire(
    createRequire(import.meta.url).resolve(version === 'Express 4' ? 'express4' : 'express'),
  );
  const parseurl = require('parseurl') as (req: { url: string }) => { query: string | null };
  return ['extended', 'simple'].map((kind) => {
    const parse = parserOf(express, kind);
    return (url: string) => parse(parseurl({ url }).query ?? '');
  });
});

function parserOf(express: ExpressOf, kind: string): (query: string) => unknown {
  const app = express();
  app.set('query parser', kind);
  return app.get('query parser fn') as (query: string) => unknown;
}

/** As far as it counts. */
const picked = (query: unknown, names: readonly string[] | undefined): unknown =>
  names === undefined ? query : names.map((name) => (query as Record<string, unknown>)[name]);

const pathIn = (url: string): string => url.split(/[?#]/, 1)[0] as string;

/** RFC 7239 §4: what each proxy says, without who asked it; undefined where none says anything. */
const forwardedBy = (field: string | undefined): string[][] | undefined => {
  const proxies = (field ?? '')
    .split(',')
    .map((proxy) => proxy.split(';').filter((pair) => pair.trim() !== ''))
    .filter((pairs) => pairs.length > 0)
    .map((pairs) => pairs.filter((pair) => !/^(for|by)$/i.test(pair.split('=', 1)[0] as string)));
  return proxies.some((pairs) => pairs.length > 0) ? proxies : undefined;
};

/** Everything a handler may put into its page, as far as it may make a difference. */
function seenBy(asked: Asked): unknown {
  const { originalUrl = '', url = '', ...req } = requestOf(asked) as HttpRequest & { baseUrl: string };
  const urls = [originalUrl, req.baseUrl + url];
  const { forwarded, ...headers } = asked.headers;
  return {
    host: asked.host,
    protocol: asked.protocol,
    hostname: asked.hostname,
    scope: asked.scope,
    headers,
    forwarded: forwardedBy(forwarded),
    paths: urls.map(pathIn),
    queries: urls.flatMap((one) => PARSERS.map((parse) => picked(parse(one), asked.query))),
  };
}

const PLAIN: Asked = {
  host: 'shop.test',
  path: '/x',
  pieces: [],
  mount: '',
  rewritten: undefined,
  protocol: 'http',
  hostname: 'shop.test',
  headers: {},
  scope: undefined,
  query: undefined,
};

const oneOf = fc.constantFrom;
const tokens = (max: number, ...parts: string[]): fc.Arbitrary<string> =>
  fc.array(oneOf(...parts), { maxLength: max }).map((some) => some.join(''));

const names = tokens(
  3,
  ...'ab0[].+%='.split(''),
  '[]',
  '[b]',
  '%5B',
  '%5d',
  '%61',
  '%FF',
  '%3D',
  '%20',
  '%26',
  '__proto__',
);
const values = tokens(2, '1', '2', '=', '+', '%2B', '%FF', ']', ']=', '#', '?', '[', 'a');
const pieces = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(names, values).map((pair) => pair.join('=')) },
  {
    weight: 2,
    arbitrary: fc.tuple(oneOf('a', 'b', 'a[]', 'a[b]', 'a.b'), oneOf('1', '2')).map((pair) => pair.join('=')),
  },
  { weight: 1, arbitrary: names },
  { weight: 1, arbitrary: oneOf('', '=', '#', '&') },
);
const queries = fc.oneof(
  { weight: 20, arbitrary: fc.array(pieces, { maxLength: 6 }) },
  { weight: 1, arbitrary: fc.array(pieces, { minLength: 90, maxLength: 110 }) },
);
const paths = oneOf('/x', '/X', '/x/', '/a/x', '/a/b/x', '/%78', '//x', '/a', '/x;a=1', '/x#', '/a%2Fx', '/');
const hosts = oneOf('shop.test', 'SHOP.test', 'shop.test:80', 'other.test', '[::1]', 'shop.test.');
const names_ = oneOf(
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
);
const headers: fc.Arbitrary<IncomingHttpHeaders> = fc
  .tuple(
    fc.dictionary(names_, oneOf('', 'shop.test', 'other.test', 'https', '/a', 'public', 'scope'), { maxKeys: 2 }),
    fc.option(tokens(4, 'host=a', 'host=b', 'proto=http', 'for=1', 'For=2', 'by=3', ';', ',', ';', ','), {
      nil: undefined,
      freq: 3,
    }),
  )
  .map(([some, forwarded]) => ({ ...some, ...(forwarded !== undefined && { forwarded }) }));
const scopes = oneOf(undefined, '1', '2', 'public', 'scope', '["scope","1"]', '\uD800', '\uDFFF', '1\u0000');

const requests: fc.Arbitrary<Asked> = fc.record({
  host: hosts,
  path: paths,
  pieces: queries,
  mount: oneOf('', '', '/a', '/a/b'),
  rewritten: fc.option(fc.record({ path: paths, pieces: queries }).map(urlOf), { nil: undefined, freq: 5 }),
  protocol: oneOf('http', 'https', ''),
  hostname: hosts,
  headers,
  scope: scopes,
  query: oneOf(undefined, undefined, [], ['a'], ['b', 'a'], ['0']),
});

/** What makes of a request one that is nearly the same. */
type Change = (asked: Asked) => Asked;

const swapped = (all: readonly string[], one: number, other: number): string[] => {
  const changed = [...all];
  [changed[one % all.length], changed[other % all.length]] = [
    all[other % all.length] as string,
    all[one % all.length] as string,
  ];
  return changed;
};

const respelled: readonly (readonly [from: string, to: string])[] = [
  ['a', '%61'],
  ['%61', 'a'],
  ['[', '%5B'],
  ['%5B', '['],
  ['=', '%3D'],
  ['%3D', '='],
  ['+', '%20'],
  ['&', '%26'],
  ['#', '%23'],
];

const ofPieces = (change: (all: readonly string[]) => readonly string[]): Change => {
  return (asked) => (asked.pieces.length === 0 ? asked : { ...asked, pieces: change(asked.pieces) });
};

const changes: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(fc.nat(200), fc.nat(200)).map(([one, other]) => ofPieces((all) => swapped(all, one, other))),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(200), pieces).map(([at, piece]) => ofPieces((all) => all.with(at % all.length, piece))),
  },
  { weight: 1, arbitrary: fc.nat(200).map((at) => ofPieces((all) => all.toSpliced(at % all.length, 1))) },
  { weight: 1, arbitrary: fc.nat(200).map((at) => ofPieces((all) => [...all, all[at % all.length] as string])) },
  { weight: 1, arbitrary: pieces.map((piece) => (asked: Asked) => ({ ...asked, pieces: [...asked.pieces, piece] })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(200), oneOf(...respelled))
      .map(([at, [from, to]]) =>
        ofPieces((all) => all.with(at % all.length, (all[at % all.length] as string).replace(from, to))),
      ),
  },
  {
    weight: 4,
    arbitrary: requests.chain((other) =>
      oneOf<(keyof Asked)[]>('host', 'path', 'mount', 'rewritten', 'protocol', 'hostname', 'headers', 'scope').map(
        (name) => (asked: Asked) => ({ ...asked, [name]: other[name] }),
      ),
    ),
  },
);

const nearly = fc
  .tuple(requests, fc.array(changes, { minLength: 1, maxLength: 3 }))
  .map(([one, steps]): [Asked, Asked] => [one, steps.reduce((asked, change) => change(asked), one)]);

/** Both are answered by one page, though a handler may tell them apart. */
const isCollision = (one: Asked, other: Asked): boolean =>
  keyOf(one) === keyOf(other) && !keyOf(one).startsWith('none') && !isDeepStrictEqual(seenBy(one), seenBy(other));

describe('two requests that differ never share a key', () => {
  it(
    'however near they are to each other',
    () => {
      fc.assert(
        fc.property(nearly, ([one, other]) => {
          if (isCollision(one, other)) expect(seenBy(one)).toEqual(seenBy(other));
        }),
        { numRuns: scale({ quick: 20_000, full: 1_000_000 }) },
      );
    },
    scale({ quick: 60_000, full: 900_000 }),
  );

  it.each<[what: string, one: Partial<Asked>, other: Partial<Asked>]>([
    ['the values of a name in another order', { pieces: ['a=1', 'a=2'] }, { pieces: ['a=2', 'a=1'] }],
    ['a name spelled in two ways', { pieces: ['a=1', '%61=2'] }, { pieces: ['%61=2', 'a=1'] }],
    ['a list', { pieces: ['a[]=1', 'a%5B%5D=2'] }, { pieces: ['a%5B%5D=2', 'a[]=1'] }],
    ['a list, and its name', { pieces: ['a[]=1', 'a=2'] }, { pieces: ['a=2', 'a[]=1'] }],
    ['a name in brackets', { pieces: ['[a]=1', 'a=2'] }, { pieces: ['a=2', '[a]=1'] }],
    ['a path in its case', { path: '/x' }, { path: '/X' }],
    ['a trailing slash', { path: '/x' }, { path: '/x/' }],
    ['a path that is encoded', { path: '/x' }, { path: '/%78' }],
    ['a value and none', { pieces: ['a'] }, { pieces: ['b'] }],
    ['no query, and what looks like one in a path', { path: '/x', pieces: ['a'] }, { path: '/x%3Fa' }],
    ['a scope, and none', { scope: 'public' }, { scope: undefined }],
    ['scopes of lone surrogates', { scope: '\uD800' }, { scope: '\uDFFF' }],
    ['a port', { host: 'shop.test' }, { host: 'shop.test:80' }],
    ['an override that is empty, and none', { headers: { 'x-forwarded-host': '' } }, {}],
    ['an override by another name', { headers: { 'x-host': 'a' } }, { headers: { 'x-forwarded-host': 'a' } }],
    ['what a middleware has written anew', { rewritten: '/en/x' }, { rewritten: '/de/x' }],
    ['what proxies say (RFC 7239)', { headers: { forwarded: 'host=a' } }, { headers: { forwarded: 'host=b' } }],
    // Found by the fuzz above.
    ['a "]=" in a value', { pieces: ['a=b]=1', 'a%3Db]=2'] }, { pieces: ['a%3Db]=2', 'a=b]=1'] }],
    [
      'a broken escape behind brackets',
      { pieces: ['a%5Bb%5D%FF=1', 'a[b]=2'] },
      { pieces: ['a[b]=2', 'a%5Bb%5D%FF=1'] },
    ],
    ['broken escapes that are read alike', { pieces: ['%FF=1', '%FE=2'] }, { pieces: ['%FE=2', '%FF=1'] }],
    ['a name of a dot', { pieces: ['.[a]=1', '.=2'] }, { pieces: ['.=2', '.[a]=1'] }],
    ['a name of a bracket', { pieces: ['][a]=1', ']=2'] }, { pieces: [']=2', '][a]=1'] }],
    ['what is behind a "#"', { pieces: ['b=1#', 'a=2'] }, { pieces: ['a=2', 'b=1#'] }],
    [
      'a proxy of two (RFC 7239 §4)',
      { headers: { forwarded: 'host=a,host=b' } },
      { headers: { forwarded: 'host=a;host=b' } },
    ],
    [
      'who says it (RFC 7239 §4)',
      { headers: { forwarded: 'for=1,host=a' } },
      { headers: { forwarded: 'for=1;host=a' } },
    ],
    [
      'a proxy that says who asked, and no proxy',
      { headers: { forwarded: 'host=b,For=2' } },
      { headers: { forwarded: 'host=b,' } },
    ],
    ['a broken escape of a name that counts', { query: ['a'], pieces: ['a%5Bb%5D%FF=1'] }, { query: ['a'] }],
    ['brackets without a name, of a name that counts', { query: ['0'], pieces: ['[]=1'] }, { query: ['0'] }],
    [
      'a name that counts, behind more than a parser reads',
      { query: ['a'], pieces: [...Array.from({ length: 1000 }, () => 'x'), 'a=1'] },
      { query: ['a'], pieces: ['a=1'] },
    ],
    ['a name that counts, with a dot', { query: ['a.b'], pieces: ['a.b=1'] }, { query: ['a.b'], pieces: ['a.b=2'] }],
    ['a name that counts, with brackets', { query: ['a[]'], pieces: ['a[]=1'] }, { query: ['a[]'], pieces: ['a[]=2'] }],
  ])('%s', (_what, one, other) => {
    expect(keyOf({ ...PLAIN, ...one })).not.toBe(keyOf({ ...PLAIN, ...other }));
  });
});

describe('two requests share a key', () => {
  const groups = fc.uniqueArray(
    fc.record({
      name: oneOf('a', 'b', 'c', 'ab', 'page', '0', '1', 'q%20', 'é', '%C3%A9x', 'x+y'),
      rest: fc.array(fc.tuple(oneOf('', '[]', '[b]', '%5B0%5D', '.c', '[b][c]'), oneOf('', '1', '2', '%FF', 'a+b')), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
    { selector: ({ name }) => name, maxLength: 5 },
  );

  it('when only unrelated parameters have changed places', () => {
    const interleaved = (all: readonly (readonly string[])[], turns: readonly number[]): string[] => {
      const left = all.map((group) => [...group]);
      const out: string[] = [];
      for (let n = 0; left.some((group) => group.length > 0); n += 1) {
        const waiting = left.filter((group) => group.length > 0);
        const next = waiting[(turns[n % turns.length] as number) % waiting.length];
        out.push(next?.shift() as string);
      }
      return out;
    };
    const turns = fc.array(fc.nat(60), { minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(requests, groups, turns, turns, (asked, all, first, second) => {
        const spelled = all.map(({ name, rest }) => rest.map(([path, value]) => `${name}${path}=${value}`));
        const inTurns = (order: readonly number[]): Asked => {
          return { ...asked, rewritten: undefined, pieces: interleaved(spelled, order) };
        };
        const [one, other] = [inTurns(first), inTurns(second)];
        if (asked.path.includes('#')) return;
        expect(keyOf(one)).toBe(keyOf(other));
        expect(seenBy(one)).toEqual(seenBy(other));
      }),
      { numRuns: scale({ quick: 2000, full: 100_000 }) },
    );
  });

  it.each<[what: string, one: Partial<Asked>, other: Partial<Asked>]>([
    [
      'by a parameter that does not count',
      { query: ['a'], pieces: ['a=1', 'utm=2'] },
      { query: ['a'], pieces: ['a=1'] },
    ],
    ['by parameters of which none counts', { query: [], pieces: ['a=1'] }, { query: [] }],
    [
      'by who asked a proxy (RFC 7239 §5.2)',
      { headers: { forwarded: 'for=1;host=a' } },
      { headers: { forwarded: 'host=a' } },
    ],
    ['by a header that is no override', { headers: { 'x-forwarded-for': '1' } }, { headers: { 'user-agent': 'x' } }],
    ['by an empty piece in another place', { pieces: ['a=1', ''] }, { pieces: ['', 'a=1'] }],
  ])('that differ %s', (_what, one, other) => {
    expect(keyOf({ ...PLAIN, ...one })).toBe(keyOf({ ...PLAIN, ...other }));
  });

  it('is not promised of more than 100 parameters: they stay in their order', () => {
    const many = Array.from({ length: 101 }, (_, n) => `p${n}=${n}`);
    expect(keyOf({ ...PLAIN, pieces: many })).not.toBe(keyOf({ ...PLAIN, pieces: many.toReversed() }));
    expect(keyOf({ ...PLAIN, pieces: many.slice(1) })).toBe(keyOf({ ...PLAIN, pieces: many.slice(1).toReversed() }));
  });
});
