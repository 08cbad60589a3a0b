import { expect, it } from 'vitest';
import { keyFrom } from './key-header.ts';

it.each([
  ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['"a b"', 'a b'],
  [String.raw`"say \"k\" \\ now"`, String.raw`say "k" \ now`],
  ['a+b/c==', 'a+b/c=='],
  ['k'.repeat(255), 'k'.repeat(255)],
  [`"${'k'.repeat(255)}"`, 'k'.repeat(255)],
])('%s is the key %s', (line, key) => {
  expect(keyFrom([line])).toEqual({ kind: 'key', key });
});

it.each([
  ['"abc', 'unterminated'],
  ['abc"', 'a quote within'],
  [String.raw`"a\b"`, 'an escape of what needs none'],
  ['"a"b', 'more behind the string'],
  ['a, b', 'two in one line'],
  ['a b', 'a space in a bare key'],
  ['"a";p=1', 'parameters'],
  ['', 'empty'],
  ['""', 'an empty string'],
  ['k'.repeat(256), 'too long'],
  ['k'.repeat(300), '300 characters'],
  ['a\tb', 'a control character'],
  ['"a\u0001b"', 'a control character in quotes'],
  ['ключ', 'no ASCII'],
  ['"é"', 'no ASCII in quotes'],
])('%j is no key: %s', (line) => {
  expect(keyFrom([line])).toMatchObject({ kind: 'malformed' });
});

it('is missing without a line, and malformed with two, also of the same', () => {
  expect(keyFrom()).toEqual({ kind: 'missing' });
  expect(keyFrom([])).toEqual({ kind: 'missing' });
  expect(keyFrom(['k', 'k'])).toMatchObject({ kind: 'malformed' });
});
