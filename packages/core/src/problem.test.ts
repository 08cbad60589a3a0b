import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { TurnpikeError } from './errors.ts';
import { type Problem, ProblemError, passProblem, problemBody, writeProblem } from './problem.ts';

const problem: Problem = {
  status: 429,
  code: 'rate_limited',
  detail: 'Later.',
  headers: { 'Retry-After': '3' },
  extensions: { 'violated-policies': ['a'] },
};

describe('a problem', () => {
  it('is written as RFC 9457 says, never to be cached', async () => {
    const server = createServer((req, res) => writeProblem(problem, req, res, () => undefined)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('retry-after')).toBe('3');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Later.',
      code: 'rate_limited',
      'violated-policies': ['a'],
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it('may be passed to the app instead, with the status and headers that Express reads from an error', () => {
    let passed: unknown;
    passProblem(problem, {} as never, {} as never, (error) => {
      passed = error;
    });
    expect(passed).toBeInstanceOf(ProblemError);
    expect(passed).toBeInstanceOf(TurnpikeError);
    expect(passed).toMatchObject({
      code: 'ERR_TURNPIKE_REFUSED',
      status: 429,
      headers: { 'Retry-After': '3', 'Cache-Control': 'no-store' },
    });
    expect(problemBody((passed as ProblemError).problem)['code']).toBe('rate_limited');
  });
});
