import { createHmac } from 'node:crypto';
import { scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { singleSession } from '../src/index.ts';
import { fate, options } from './app.ts';

const it_ = setting();

const CASES = scale({ quick: 2_000, full: 200_000 });

/** Of a token, counted round and round. */
const place = fc.nat(2 ** 31);

const encoded = (text: string): string => Buffer.from(text).toString('base64url');

/** Ways to make another token of one that is good. */
const damages: fc.Arbitrary<(token: string) => string> = fc.oneof(
  fc.tuple(place, fc.string({ unit: 'binary', maxLength: 3 })).map(([at, text]) => (token: string) => {
    const cut = at % token.length;
    return token.slice(0, cut) + text + token.slice(cut + 1);
  }),
  place.map((at) => (token: string) => token.slice(0, at % token.length)),
  fc.string().map((text) => (token: string) => token + text),
  fc.constantFrom('=', '==', '.', '..', ' ', '\0', '.x').map((text) => (token: string) => token + text),
  // Another header or content under the old signature, and under one of a key that is guessed.
  fc
    .record({ part: fc.constantFrom(0, 1), json: fc.json(), key: fc.option(fc.string()) })
    .map(({ part, json, key }) => (token: string) => {
      const parts = token.split('.');
      parts[part] = encoded(json);
      const signed = parts.slice(0, 2).join('.');
      return `${signed}.${key === null ? parts[2] : createHmac('sha256', key).update(signed).digest('base64url')}`;
    }),
  fc
    .constantFrom('none', 'None', 'HS384', 'HS512', 'RS256', 'ES256', '')
    .map(
      (alg) => (token: string) =>
        [encoded(JSON.stringify({ alg, typ: 'JWT' })), ...token.split('.').slice(1)].join('.'),
    ),
  fc.string({ unit: 'binary' }).map((text) => () => text),
);

it(`of ${CASES} tokens that were damaged or made up none is believed`, async () => {
  const sessions = singleSession(options(it_.clients.client(), it_.clients.prefix));
  const { token } = await sessions.login('ann');
  const [signed, signature] = [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)];
  const isSameToken = (other: string): boolean =>
    other.startsWith(`${signed}.`) &&
    Buffer.from(other.slice(signed.length + 1), 'base64url').equals(Buffer.from(signature, 'base64url'));
  await fc.assert(
    fc.asyncProperty(damages, async (damage) => {
      const other = damage(token);
      // base64url can be written in several ways, and a signature is its bytes.
      if (!isSameToken(other)) expect([other, await fate(sessions, other)]).toEqual([other, 'invalid']);
    }),
    { numRuns: CASES },
  );
  expect(await fate(sessions, token)).toBe('live');
  sessions.close();
});
