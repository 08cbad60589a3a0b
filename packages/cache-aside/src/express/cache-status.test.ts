import { expect, it } from 'vitest';
import { type Status, cacheStatus } from './cache-status.ts';

it.each<[what: string, status: Status, field: string]>([
  ['a hit, with what is left of it (RFC 9211 §2.4)', { kind: 'hit', ttlMs: 59_001 }, 'turnpike; hit; ttl=59'],
  ['a hit in its last second', { kind: 'hit', ttlMs: 999 }, 'turnpike; hit; ttl=0'],
  ['a hit that is just over, and so stale', { kind: 'hit', ttlMs: 0 }, 'turnpike; hit; ttl=-1'],
  ['a stale hit, below zero', { kind: 'hit', ttlMs: -1 }, 'turnpike; hit; ttl=-1'],
  ['a stale hit of a while', { kind: 'hit', ttlMs: -30_500 }, 'turnpike; hit; ttl=-31'],
  ['a miss (§2.2)', { kind: 'miss', fwd: 'uri-miss', why: undefined }, 'turnpike; fwd=uri-miss'],
  ['a miss of a variant', { kind: 'miss', fwd: 'vary-miss', why: undefined }, 'turnpike; fwd=vary-miss'],
  [
    'a miss that is not stored (§2.8)',
    { kind: 'miss', fwd: 'stale', why: 'no-store' },
    'turnpike; fwd=stale; detail=no-store',
  ],
  ['another’s answer (§2.6)', { kind: 'collapsed', fwd: 'uri-miss' }, 'turnpike; fwd=uri-miss; collapsed'],
  ['a bypass', { kind: 'bypass', why: 'client-certificate' }, 'turnpike; fwd=bypass; detail=client-certificate'],
])('Cache-Status tells %s', (_what, status, field) => {
  expect(cacheStatus(status, undefined)).toBe(field);
});

it.each<[what: string, before: unknown, said: string]>([
  ['nothing', undefined, ''],
  ['an empty field', '', ''],
  ['a cache', 'origin; hit', 'origin; hit, '],
  ['two caches', 'origin; fwd=miss, "edge, 1"; hit', 'origin; fwd=miss, "edge, 1"; hit, '],
  ['two caches, on two lines', ['origin; fwd=miss', 'edge; hit'], 'origin; fwd=miss, edge; hit, '],
  ['no cache, on no line', [], ''],
])('Cache-Status goes behind what is nearer to the origin (RFC 9211 §2): %s', (_what, before, said) => {
  expect(cacheStatus({ kind: 'hit', ttlMs: 1000 }, before)).toBe(`${said}turnpike; hit; ttl=1`);
});
