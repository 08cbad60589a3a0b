import { packRecording } from '@turnpike/core/http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../envelope.ts';
import { type Page, packPage, packVariants, stalenessOf, unpack } from './page.ts';

const PAGE: Page = {
  recording: {
    status: 200,
    statusMessage: undefined,
    headers: [['Content-Type', 'text/html']],
    removed: ['X-Powered-By'],
    body: Buffer.from('<h1>Hello</h1>'),
    isOverCap: false,
  },
  bornMs: 1_795_268_915_434,
  ageMs: 1000,
  lifetimeMs: 60_000,
  staleness: { staleMs: 300, staleIfErrorMs: 500 },
  mustValidate: false,
  isStrict: false,
  canValidate: false,
};

/** Where the recording begins in what is packed. */
const RECORDING_AT = packPage(PAGE).length - packRecording(PAGE.recording).length;

const recorded = (more: Partial<Page['recording']>): Page => ({ ...PAGE, recording: { ...PAGE.recording, ...more } });

const entryOf = (payload: Buffer): Entry => ({
  state: 'none',
  token: '-'.repeat(12),
  untilMs: 0,
  freshUntilMs: 0,
  kind: 'B',
  stamp: { incarnation: 'a', us: 1 },
  tags: [],
  payload,
});

describe('a packed page', () => {
  it.each<[what: string, page: Page]>([
    ['as it was', PAGE],
    ['without a body', recorded({ status: 204, body: undefined })],
    ['with an empty body, which is not none', recorded({ body: Buffer.alloc(0) })],
    ['with bytes that are no text', recorded({ body: Buffer.from([0, 255, 254, 128, 0]) })],
    ['with a body that looks like its head', recorded({ body: packPage(PAGE) })],
    ['with a phrase of its own', recorded({ statusMessage: 'Fine' })],
    ['with NUL and lone surrogates', recorded({ headers: [['X-\u0000', '\uD800a\u0000b\uDFFF']] })],
    ['with a header of several lines', recorded({ headers: [['Link', ['<a>', '<b>']]] })],
    [
      'with a header twice',
      recorded({
        headers: [
          ['Link', '<a>'],
          ['link', '<b>'],
        ],
      }),
    ],
    ['with names of the language', recorded({ headers: [['__proto__', 'a']], removed: ['constructor'] })],
    ['that was never young', { ...PAGE, ageMs: 2_147_483_648_000 }],
    ['of parts of a millisecond', { ...PAGE, bornMs: 0.5, ageMs: 0.25 }],
    ['whose entry says how long it is fresh', { ...PAGE, lifetimeMs: Infinity }],
    ['that is always validated', { ...PAGE, mustValidate: true, canValidate: true }],
    ['that is strict', { ...PAGE, isStrict: true }],
    ['that is never stale', { ...PAGE, staleness: { staleMs: 0, staleIfErrorMs: 0 } }],
  ])('is read back %s', (_what, page) => {
    expect(unpack(packPage(page))).toEqual({ kind: 'page', page });
  });

  it('says how long it may be stale without being read', () => {
    expect(stalenessOf(entryOf(packPage(PAGE)))).toEqual({ staleMs: 300, staleIfErrorMs: 500 });
  });

  it('that is cut short, or goes on, is refused', () => {
    const whole = packPage(PAGE);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => unpack(whole.subarray(0, length))).toThrow(Error);
    }
    expect(() => unpack(Buffer.concat([whole, Buffer.from('!')]))).toThrow(Error);
  });
});

describe('packed variants', () => {
  it.each<[fields: string[]]>([[[]], [['accept']], [['accept', 'x-\u0000', '\uD800']]])(
    'are read back: %j',
    (fields) => {
      expect(unpack(packVariants(fields))).toEqual({ kind: 'variants', fields });
    },
  );

  it('that are cut short are refused', () => {
    const whole = packVariants(['accept', 'origin']);
    for (let length = 0; length < whole.length; length += 1)
      expect(() => unpack(whole.subarray(0, length))).toThrow(Error);
  });

  it('are never stale', () => {
    expect(stalenessOf(entryOf(packVariants(['x'.repeat(100)])))).toEqual({ staleMs: 0, staleIfErrorMs: 0 });
  });
});

describe('what is no page of ours is refused', () => {
  const variants = (json: string): Buffer => Buffer.concat([Buffer.from([2]), Buffer.from(json)]);

  it.each<[what: string, payload: Buffer]>([
    ['no bytes', Buffer.alloc(0)],
    ['a byte', Buffer.from([1])],
    ['JSON', Buffer.from('{"value":1}')],
    ['another kind', Buffer.concat([Buffer.from([3]), packPage(PAGE).subarray(1)])],
    ['a recording alone', packRecording(PAGE.recording)],
    ['a preamble alone', packPage(PAGE).subarray(0, RECORDING_AT)],
    ['a recording of another layout', packPage(PAGE).fill(9, RECORDING_AT, RECORDING_AT + 1)],
    ['zeros', Buffer.alloc(100)],
    ['ones', Buffer.alloc(100, 1)],
    ['twos', Buffer.alloc(100, 2)],
    ['variants that are null', variants('null')],
    ['variants that are an object', variants('{"0":"accept","length":1}')],
    ['variants that are text', variants('"accept"')],
    ['variants that are a number', variants('5')],
    ['variants that are no names', variants('["accept",1,null]')],
  ])('%s', (_what, payload) => {
    expect(() => unpack(payload)).toThrow(Error);
    if (payload[0] !== 1) expect(stalenessOf(entryOf(payload))).toEqual({ staleMs: 0, staleIfErrorMs: 0 });
  });

  it('says so by an Error, whatever the bytes', () => {
    const kindOf = (payload: Buffer): string => {
      try {
        return unpack(payload).kind;
      } catch (thrown) {
        return thrown instanceof Error ? 'none' : 'thrown';
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(80), (noise, at) => {
        const bytes = packPage(PAGE);
        Buffer.from(noise).copy(bytes, at);
        for (const payload of [bytes, Buffer.from(noise)]) {
          expect(kindOf(payload)).toMatch(/^(page|variants|none)$/);
          stalenessOf(entryOf(payload));
        }
      }),
    );
  });
});
