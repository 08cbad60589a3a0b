import { maxHeaderSize } from 'node:http';
import fc from 'fast-check';

/** What is sent on one connection, in how many pieces. */
export interface Garbage {
  readonly bytes: Buffer;
  /** The server has all it needs, and ends the connection with its answer. */
  readonly isWhole: boolean;
  /** Where it is cut, as shares of it. */
  readonly cuts: readonly number[];
}

/** What a client that means well sends, as a list of lines and a body. */
const ROUTES: readonly (readonly [method: string, path: string, body?: string])[] = [
  ['GET', '/products'],
  ['GET', '/products?q=mug&sort=price'],
  ['GET', '/products/p1'],
  ['HEAD', '/products/p2'],
  ['POST', '/login', '{"email":"ann@example.com","password":"wrong"}'],
  ['GET', '/me'],
  ['GET', '/cart'],
  ['PUT', '/cart/p1', '{"quantity":1}'],
  ['POST', '/orders', '{"productId":"p1","quantity":1}'],
  ['GET', '/orders'],
  ['PUT', '/products/p1/price', '{"priceCents":1}'],
  ['OPTIONS', '/orders'],
];

/** Stands for the token of somebody who is signed in: the shop's rooms are behind it. */
export const TOKEN = '@token@';

/** Text that means something to somebody on the way. */
const ODD: readonly string[] = [
  '',
  ' ',
  '\t',
  '\0',
  '"',
  '"k"',
  '"k',
  '\\',
  '{}',
  '{*}',
  '%',
  '%00',
  '%ff',
  '../../etc/passwd',
  "' or 1=1 --",
  '<script>',
  '${7*7}',
  '__proto__',
  'constructor',
  'Infinity',
  '-1',
  '1e400',
  '999999999999999999999',
  'null',
  'Bearer',
  'Bearer a.b.c',
  'Bearer eyJhbGciOiJub25lIn0.e30.',
  'bytes=0-,-1,5-2',
  'W/"',
  '*',
  'a'.repeat(9_000),
  '\u00e9\u{1f600}',
  'EVAL "return 1" 0',
  '\r\n X: folded',
];

const NAMES = [
  'Host',
  'Authorization',
  'Idempotency-Key',
  'Cookie',
  'Content-Type',
  'Content-Length',
  'Transfer-Encoding',
  'Content-Encoding',
  'Expect',
  'Upgrade',
  'Connection',
  'Range',
  'If-Range',
  'If-None-Match',
  'If-Modified-Since',
  'Cache-Control',
  'Accept-Encoding',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-HTTP-Method-Override',
  'Origin',
];

const odd = fc.oneof(
  fc.constant(`Bearer ${TOKEN}`),
  fc.constantFrom(...ODD),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);

/** What Node's parser lets through, so that it is the app that sees it. */
const legal = odd.map((text) => text.replaceAll(/[^\t\x20-\x7e\xa1-\xff]/g, '').trim());
const inPath = legal.map((text) =>
  text.replaceAll(/[\s"<>\\^`{|}\x80-\xff]/g, (char) => encodeURIComponent(char)).slice(0, 500),
);

/** Headers that no app leaves to itself. */
const FRAMING: ReadonlySet<string> = new Set([
  'Host',
  'Content-Length',
  'Transfer-Encoding',
  'Upgrade',
  'Expect',
  'Connection',
]);

/** A request of the shop's that is well formed, and means nothing. */
const wellFormed = fc
  .record({
    route: fc.constantFrom(...ROUTES),
    suffix: fc.option(inPath, { freq: 3 }),
    isSignedIn: fc.boolean(),
    headers: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES.filter((name) => !FRAMING.has(name))), legal), {
      maxLength: 6,
      selector: ([name]) => name,
    }),
    body: fc.option(fc.oneof(legal, fc.json(), fc.constant('{"a":'.repeat(3_000))), { freq: 2 }),
    framing: fc.constantFrom('length', 'chunked'),
    again: fc.boolean(),
  })
  .map(({ route: [method, path, usual = ''], suffix, isSignedIn, headers, body, framing, again }) => {
    const text = body ?? usual;
    const request = (connection: 'keep-alive' | 'close'): string =>
      [
        `${method} ${path}${suffix ?? ''} HTTP/1.1`,
        'Host: shop.example',
        `Connection: ${connection}`,
        ...(headers.some(([name]) => name === 'Content-Type') ? [] : ['Content-Type: application/json']),
        ...(isSignedIn ? [`Authorization: Bearer ${TOKEN}`] : []),
        ...headers
          .filter(([name]) => !isSignedIn || name !== 'Authorization')
          .map(([name, value]) => `${name}: ${value}`),
        ...FRAMES[framing].lines(text),
        '',
        FRAMES[framing].body(text),
      ].join('\r\n');
    return Buffer.from(`${again ? request('keep-alive') : ''}${request('close')}`, 'latin1');
  });

/** A request of the shop's, with headers that nobody sends, or sends so. */
const nearlyRight = fc
  .record({
    route: fc.constantFrom(...ROUTES),
    method: fc.option(fc.oneof(fc.constantFrom('TRACE', 'CONNECT', 'PATCH', 'get', 'PRI', 'QUERY'), odd), { freq: 6 }),
    path: fc.option(odd, { freq: 4 }),
    suffix: fc.option(odd, { freq: 3 }),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
    headers: fc.array(fc.tuple(fc.constantFrom(...NAMES), odd), { maxLength: 6 }),
    body: fc.option(fc.oneof(odd, fc.json(), fc.constant('{"a":'.repeat(3_000))), { freq: 2 }),
    framing: fc.constantFrom('length', 'length', 'chunked', 'bad chunks', 'both', 'too long', 'none'),
    newline: fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r'),
    again: fc.boolean(),
  })
  .map(({ route: [method, path, usual = ''], body, framing, newline, again, ...given }) => {
    const text = body ?? usual;
    const target = given.path ?? path + (given.suffix ?? '');
    const lines = [
      `${given.method ?? method} ${target} ${given.version}`,
      'Host: shop.example',
      ...(text === '' ? [] : ['Content-Type: application/json']),
      ...given.headers.map(([name, value]) => `${name}: ${value}`),
      ...FRAMES[framing].lines(text),
    ];
    const request = [...lines, '', FRAMES[framing].body(text)].join(newline);
    return Buffer.from(again ? request + request : request, 'latin1');
  });

/** How a body is said to end, rightly and not. */
const FRAMES: Readonly<
  Record<
    'length' | 'chunked' | 'bad chunks' | 'both' | 'too long' | 'none',
    { lines(text: string): string[]; body(text: string): string }
  >
> = {
  length: { lines: (text) => [`Content-Length: ${Buffer.byteLength(text, 'latin1')}`], body: (text) => text },
  chunked: { lines: () => ['Transfer-Encoding: chunked'], body: (text) => chunks(text, text.length) },
  'bad chunks': { lines: () => ['Transfer-Encoding: chunked'], body: (text) => chunks(text, text.length + 7) },
  both: {
    lines: (text) => [`Content-Length: ${text.length}`, 'Transfer-Encoding: chunked'],
    body: (text) => chunks(text, text.length),
  },
  'too long': { lines: (text) => [`Content-Length: ${text.length + 50}`], body: (text) => text },
  none: { lines: () => [], body: (text) => text },
};

const chunks = (text: string, length: number): string => `${length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

/** Some bytes of it are others, are missing, or come twice. */
const damaged = fc
  .tuple(
    nearlyRight,
    fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
  )
  .map(([bytes, damages]) => {
    const copy = Buffer.from(bytes);
    for (const [where, byte] of damages) copy[Math.floor(where * (copy.length - 1))] = byte;
    return copy;
  });

const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

/** Requests that mean nothing, that are nearly right, that are damaged, and what is no request at all. */
export const garbage: fc.Arbitrary<Garbage> = fc.oneof(
  { weight: 12, arbitrary: cutUp(wellFormed, isRead) },
  { weight: 3, arbitrary: cutUp(nearlyRight, () => false) },
  { weight: 3, arbitrary: cutUp(damaged, () => false) },
  { weight: 1, arbitrary: cutUp(noise, () => false) },
);

function cutUp(sent: fc.Arbitrary<Buffer>, isWhole: (bytes: Buffer) => boolean): fc.Arbitrary<Garbage> {
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 });
  return fc.tuple(sent, cuts).map(([bytes, cuts]) => ({ bytes, isWhole: isWhole(bytes), cuts }));
}

/** Node hangs up on a longer head before it has read the rest, and its 431 may be lost over that (RFC 9112 §9.6). */
function isRead(bytes: Buffer): boolean {
  return bytes.indexOf('\r\n\r\n') < maxHeaderSize;
}
