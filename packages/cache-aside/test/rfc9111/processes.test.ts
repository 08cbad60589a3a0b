import { fleet, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';

const it_ = setting();

interface Told {
  readonly runs: string[];
  readonly answers: { readonly status: number; readonly body: string }[];
}

const PROCESSES = scale({ quick: 2, full: 4 });
const REQUESTS = scale({ quick: 20, full: 100 });

const asking = async (args: object): Promise<{ runs: string[]; answers: Set<string> }> => {
  await using members = await fleet<Told>(PROCESSES, new URL('../fleet/shared-cache.mjs', import.meta.url), {
    args: { url: it_.server.url, prefix: it_.clients.prefix, requests: REQUESTS, headers: {}, ...args },
  });
  const told = await members.results;
  return {
    runs: told.flatMap(({ runs }) => runs),
    answers: new Set(told.flatMap(({ answers }) => answers).map(({ status, body }) => `${status} ${body}`)),
  };
};

describe(`${PROCESSES} processes × ${REQUESTS} requests before one shared cache`, () => {
  it('have what is cold rendered once', async () => {
    const { runs, answers } = await asking({});
    expect([runs, answers.size]).toEqual([['page'], 1]);
  });

  it('have what is expired validated once', async () => {
    const { runs, answers } = await asking({ isExpired: true });
    expect([runs, [...answers]]).toEqual([['question'], ['200 page 0']]);
  });

  it('have each its own, where each demands it (RFC 9111 §5.2.1.4)', async () => {
    const { runs } = await asking({ headers: { 'cache-control': 'no-cache' } });
    expect(runs).toHaveLength(PROCESSES * REQUESTS);
  });
});
