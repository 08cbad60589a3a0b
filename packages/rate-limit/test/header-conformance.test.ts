import express from 'express';
import fc from 'fast-check';
import { parseRateLimit } from 'ratelimit-header-parser';
import { parseList } from 'structured-headers';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { type HeaderDialect, rateLimit } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const appWith = (headers: HeaderDialect[], name: string) =>
  express()
    .use(
      rateLimit({
        redis: it_.clients.client(),
        prefix: it_.clients.prefix,
        limit: 10,
        windowMs: 60_000,
        deadlineMs: 5000,
        name,
        headers,
      }),
    )
    .use((_req, res) => void res.end());

describe('the draft-11 headers', () => {
  it('are structured fields, whatever a policy is called', async () => {
    const names = fc.string({
      unit: fc.constantFrom('"', '\\', ';', ',', '=', ' ', 'a', '?', '(', ':'),
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        const { headers } = await request(appWith(['draft-11'], name)).get('/');
        const [[policy, terms]] = parseList(String(headers['ratelimit-policy'])) as [[unknown, Map<string, unknown>]];
        expect([policy, terms.get('q'), terms.get('w')]).toEqual([name, 10, 60]);
        const [[told, left]] = parseList(String(headers['ratelimit'])) as [[unknown, Map<string, unknown>]];
        expect([told, Number.isInteger(left.get('r')), Number.isInteger(left.get('t'))]).toEqual([name, true, true]);
      }),
      { numRuns: 30 },
    );
  });
});

describe('the older dialects', () => {
  it.each<[HeaderDialect]>([['draft-7'], ['draft-6'], ['legacy']])(
    '%s is read by ratelimit-header-parser',
    async (dialect) => {
      const { headers } = await request(appWith([dialect], `for ${dialect}`)).get('/');
      const read = parseRateLimit(headers);
      expect(read).toMatchObject({ limit: 10, remaining: 9, used: 1 });
      const inMs = (read?.reset?.getTime() ?? 0) - Date.now();
      expect(inMs).toBeGreaterThan(57_000);
      expect(inMs).toBeLessThan(62_000);
    },
  );
});
