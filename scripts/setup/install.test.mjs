import { expect, test } from 'vitest';
import { fingerprint, satisfies } from './install.mjs';

const files = [
  ['pnpm-lock.yaml', 'lockfileVersion: 9'],
  ['package.json', '{}'],
];

test('the fingerprint is that of the contents, of which file holds them, and of the platform', () => {
  const print = fingerprint(files, 'linux-x64');
  expect(fingerprint(files, 'linux-x64')).toBe(print);
  expect(fingerprint([['pnpm-lock.yaml', 'lockfileVersion: 10'], files[1]], 'linux-x64')).not.toBe(print);
  expect(
    fingerprint(
      [
        ['pnpm-lock.yaml', 'lockfileVersion: 9{}'],
        ['package.json', ''],
      ],
      'linux-x64',
    ),
  ).not.toBe(print);
  expect(fingerprint(files, 'darwin-arm64')).not.toBe(print);
});

test('a larger install is good for the shop, an install for the shop is not good for the rest', () => {
  expect(satisfies({ scope: 'bench', print: 'a' }, 'all', 'a')).toBe(true);
  expect(satisfies({ scope: 'all', print: 'a' }, 'bench', 'a')).toBe(false);
  expect(satisfies({ scope: 'all', print: 'a' }, 'shop', 'a')).toBe(true);
  expect(satisfies({ scope: 'shop', print: 'a' }, 'shop', 'a')).toBe(true);
  expect(satisfies({ scope: 'shop', print: 'a' }, 'all', 'a')).toBe(false);
  expect(satisfies({ scope: 'all', print: 'b' }, 'all', 'a')).toBe(false);
  expect(satisfies(undefined, 'all', 'a')).toBe(false);
});
