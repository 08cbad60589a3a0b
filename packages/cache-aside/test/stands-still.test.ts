import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, fleet } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { expect, it } from 'vitest';
import { createCache } from '../src/index.ts';

const it_ = setting();

/** A lease lives for a second more. */
const LOAD_TIMEOUT_MS = 300;

const here = () =>
  createCache({
    redis: it_.clients.client(),
    prefix: it_.clients.prefix,
    ttlMs: 60_000,
    deadlineMs: 5000,
    loadTimeoutMs: LOAD_TIMEOUT_MS,
  });

/** A process for each, which stands still as soon as it loads, until `resume`; and what its caller got in the end. */
async function stoppedLoads(questions: readonly number[]) {
  const { server, clients } = it_;
  const members = await fleet(questions.length, new URL('fleet/stands-still.mjs', import.meta.url), {
    args: { url: server.url, prefix: clients.prefix, loadTimeoutMs: LOAD_TIMEOUT_MS, questions },
  });
  const ends: string[] = [];
  let stopped = 0;
  members.onMessage((message, index) => {
    const { end } = message as { end?: string };
    if (end !== undefined) return void (ends[index] = end);
    members.members[index]!.pause();
    stopped += 1;
  });
  await eventually(() => stopped === questions.length);
  return {
    resume: (): void => members.members.forEach((member) => member.resume()),
    ended: () =>
      eventually(() => {
        expect(Object.keys(ends)).toHaveLength(questions.length);
        return ends;
      }),
    [Symbol.asyncDispose]: () => members.stop(),
  };
}

it('past its lease, its caller gets its value if that had come, else a timeout, and all others what the next has loaded', async () => {
  await using stopped = await stoppedLoads([1, 2]);
  const keys = ['k0', 'k1'];
  const next = await Promise.all(keys.map((key) => here().getOrLoad(key, () => 'by the next')));
  expect(next).toEqual(['by the next', 'by the next']);
  stopped.resume();
  expect(await stopped.ended()).toEqual(['by who stood still', 'ERR_TURNPIKE_LOAD_TIMEOUT']);
  for (const key of keys) expect(await here().getOrLoad(key, () => 'by a third')).toBe('by the next');
});

it('shorter than its lease and past its loadTimeoutMs, all who wait get its timeout, in other processes, too', async () => {
  await using stopped = await stoppedLoads([2]);
  const other = here()
    .getOrLoad('k0', () => 'by another')
    .catch(({ code }: { code: string }) => code);
  await sleep(2 * LOAD_TIMEOUT_MS);
  stopped.resume();
  expect([...(await stopped.ended()), await other]).toEqual(['ERR_TURNPIKE_LOAD_TIMEOUT', 'ERR_TURNPIKE_LOAD_TIMEOUT']);
});
