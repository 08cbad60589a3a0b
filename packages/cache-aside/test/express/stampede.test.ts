import { fleet } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';

const it_ = setting();

interface Answer {
  readonly status: number;
  readonly cacheStatus: string;
  readonly body: string;
}

interface Told {
  readonly runs: number;
  readonly answers: Answer[];
  readonly last?: Answer;
}

const PROCESSES = 4;
const REQUESTS = 50;

const before = (path: string, more: object = {}) =>
  fleet<Told>(PROCESSES, new URL('../fleet/cold-pages.mjs', import.meta.url), {
    args: {
      url: it_.server.url,
      prefix: it_.clients.prefix,
      path,
      requests: REQUESTS,
      renderMs: 50,
      loadTimeoutMs: 10_000,
      languages: ['en'],
      ...more,
    },
  });

const runsOf = (told: readonly Told[]): number => told.reduce((sum, { runs }) => sum + runs, 0);

/** How many answers say each thing, of where they are from. */
function sources(told: readonly Told[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { cacheStatus } of told.flatMap(({ answers }) => answers)) {
    const source = cacheStatus.replace(/ttl=(-?)\d+/, 'ttl=$1n');
    counts[source] = (counts[source] ?? 0) + 1;
  }
  return counts;
}

describe(`a page before ${PROCESSES} processes × ${REQUESTS} requests`, () => {
  it.each([
    ['that is cold', '/plain', ['turnpike; fwd=uri-miss']],
    ['that is cold, and of which nobody knows yet that it varies', '/varied', ['turnpike; fwd=uri-miss']],
  ])('%s is rendered once over all, and all have the same bytes', async (_, path, leaders) => {
    await using members = await before(path);
    const told = await members.results;
    expect(runsOf(told)).toBe(1);
    const answers = told.flatMap((one) => one.answers);
    expect(answers).toHaveLength(PROCESSES * REQUESTS);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers[0]?.body).toMatch(/^\d page 1/);
    const { [String(leaders[0])]: leading, ...others } = sources(told);
    expect(leading).toBe(1);
    // The others waited for it, or found it.
    for (const source of Object.keys(others)) expect(source).toMatch(/; collapsed$|; hit; ttl=n$/);
  });

  it('that is cold, and varies by four languages, is rendered once for each of them', async () => {
    const languages = ['en', 'de', 'fr', 'it'];
    await using members = await before('/varied', { languages });
    const told = await members.results;
    expect(runsOf(told)).toBe(languages.length);
    for (const { answers } of told) {
      for (const [n, { body }] of answers.entries()) expect(body.slice(-2)).toBe(languages[n % languages.length]);
    }
    expect(new Set(told.flatMap(({ answers }) => answers.map(({ body }) => body))).size).toBe(languages.length);
  });

  it('whose process is killed while it renders is rendered by exactly one other, at the end of the lease', async () => {
    await using members = await before('/plain', { renderMs: 400, loadTimeoutMs: 1000 });
    const rendering: number[] = [];
    let killedAt = 0;
    let tookOverMs = 0;
    members.onMessage((message) => {
      const { rendering: index } = message as { rendering?: number };
      if (index === undefined) return;
      rendering.push(index);
      if (rendering.length > 1) tookOverMs = performance.now() - killedAt;
      else {
        killedAt = performance.now();
        void members.members[index]?.kill();
      }
    });
    const told = await members.results;
    expect(rendering).toHaveLength(2);
    expect(told).toHaveLength(PROCESSES - 1);
    expect(runsOf(told)).toBe(1);
    const bodies = new Set(told.flatMap(({ answers }) => answers.map(({ body }) => body)));
    expect([...bodies].map((body) => body.slice(0, 8))).toEqual([`${rendering[1]} page 1`]);
    // A lease is its loader's timeout and a second.
    expect(tookOverMs).toBeGreaterThan(1500);
    expect(tookOverMs).toBeLessThan(5000);
  });

  it('that expires is stale for all of them while it is rendered once more, and nobody waits for that', async () => {
    await using members = await before('/hot', { until: 'new' });
    const rendering: number[] = [];
    const answered: number[] = [];
    members.onMessage((message) => {
      const { rendering: by, answered: of } = message as { rendering?: number; answered?: number };
      if (by !== undefined) rendering.push(by);
      if (of !== undefined) answered.push(of);
      // Who had waited for the new page would have waited for ever.
      if (answered.length === PROCESSES) members.broadcast('go on');
    });
    const told = await members.results;
    expect(rendering).toHaveLength(2);
    expect(runsOf(told)).toBe(2);
    expect(new Set(told.flatMap(({ answers }) => answers.map(({ body }) => body)))).toEqual(new Set(['old']));
    expect(sources(told)).toEqual({ 'turnpike; hit; ttl=-n': PROCESSES * REQUESTS });
    expect(new Set(told.map(({ last }) => last?.body))).toEqual(new Set(['new']));
  });
});
