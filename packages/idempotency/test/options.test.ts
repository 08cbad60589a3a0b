import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { OptionError, idempotency } from '../src/index.ts';

const redis = new Redis({ lazyConnect: true });
afterAll(() => redis.disconnect());

it('an option that is there and undefined is not there', () => {
  const options = { redis, scope: 'public', outcome: undefined, onProblem: undefined, methods: undefined };
  expect(() => idempotency(options as never)).not.toThrow();
});

it.each<[option: string, given: object, message: string]>([
  ['scope', {}, `option "scope" must be a function that gives the user's id, or 'public', received undefined`],
  ['scope', { scope: 'ann' }, 'option "scope"'],
  ['redis', { redis: undefined, scope: 'public' }, 'option "redis" must be an ioredis client'],
  ['methods', { methods: [] }, 'option "methods" must be an array of methods in upper case'],
  ['methods', { methods: ['post'] }, 'option "methods"'],
  ['key', { key: 'x-request-id' }, 'option "key" must be a function'],
  ['required', { required: 'yes' }, 'option "required" must be true or false'],
  ['fingerprint', { fingerprint: 'body' }, 'option "fingerprint" must be an object'],
  ['fingerprint.fields', { fingerprint: { fields: 'a' } }, 'option "fingerprint.fields" must be an array of strings'],
  ['whileInFlight', { whileInFlight: 'queue' }, `option "whileInFlight" must be one of 'conflict', 'wait'`],
  ['waitMs', { waitMs: 0 }, 'option "waitMs" must be an integer from 1'],
  ['outcome', { outcome: 'keep' }, 'option "outcome" must be a function'],
  ['onInDoubt', { onInDoubt: 'retry' }, `option "onInDoubt" must be one of 'conflict', 'rerun'`],
  ['onStoreError', { onStoreError: 'local' }, `option "onStoreError" must be one of 'deny', 'allow'`],
  ['ttlMs', { ttlMs: 999 }, 'option "ttlMs" must be an integer from 1000'],
  ['leaseMs', { leaseMs: 10 }, 'option "leaseMs" must be an integer from 100'],
  ['maxRunMs', { maxRunMs: Infinity }, 'option "maxRunMs" must be an integer'],
  ['maxBytes', { maxBytes: -1 }, 'option "maxBytes" must be an integer from 0'],
  ['deadlineMs', { deadlineMs: 0.5 }, 'option "deadlineMs" must be an integer from 1'],
  ['prefix', { prefix: 'a:b' }, 'option "prefix" must be 1 to 64'],
  ['onProblem', { onProblem: true }, 'option "onProblem" must be a function'],
  ['ttl', { ttl: 60 }, 'unknown option "ttl": it is called ttlMs here'],
  ['enforceIdempotency', { enforceIdempotency: true }, 'it is called required here'],
  ['lock', { lock: true }, 'unknown option "lock": known options are redis, scope'],
])('a bad %s is refused at construction', (_option, given, message) => {
  const options = { redis, ...('scope' in given || message.includes('"scope"') ? {} : { scope: 'public' }), ...given };
  const construct = (): unknown => idempotency(options as never);
  expect(construct).toThrow(OptionError);
  expect(construct).toThrow(message);
});
