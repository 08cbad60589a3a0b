import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { findRedis } from '@turnpike/test-kit';
import { BROKEN_MS, KEPT_MS, type Recovery } from './allowance.ts';
import type { SoakResult } from './soak.ts';

/** docs/soak.md, of what was found of a commit. */
export function report(result: SoakResult, commit: string): string {
  const { seconds, seed, processes, answers, faults, recoveries, violations, excusedMs } = result;
  const total = sum(answers.values());
  return `# The soak

Written by \`npm run soak\`: all packages in one app, ${processes} processes of it, each behind a network of its own, one Redis; and everything that can be
taken away is, again and again, while all of it is asked for. What was answered is held against every promise
([how](../examples/under-fire/README.md)). The seed brings the same faults again, at the same time of their rounds; not the same answers, since
requests meet as the machine has it.

| | |
|---|---|
| duration | ${seconds} s |
| requests | ${total} |
| faults | ${sum(faults.values())}, in ${recoveries.length} rounds |
| all decided by Redis again, on connections that were kept | ${again(recoveries, KEPT_MS)} |
| all decided by Redis again, on new connections | ${again(recoveries, BROKEN_MS)} |
| excused | ${inSeconds(excusedMs.evictions)} s in which Redis evicted, ${inSeconds(excusedMs.stalls)} s in which the machine gave the one who asks no turn |
| **violations** | **${violations.length}** |
| seed | ${seed} |
| commit | ${commit} |
| versions | ${versions().join(', ')} |
| date | ${new Date().toISOString().slice(0, 10)} |

| fault | times |
|---|---|
${rows(faults)}

| request, answered | times |
|---|---|
${rows(answers)}
`;
}

/** How soon, in the rounds that were allowed so much. */
function again(recoveries: readonly Recovery[], allowedMs: number): string {
  const sorted = recoveries
    .flatMap(({ tookMs, boundMs }) => (boundMs === allowedMs ? tookMs : []))
    .toSorted((one, other) => one - other);
  if (sorted.length === 0) return 'never broken';
  const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  return `after ${at(0.5)} ms (median), ${at(1)} ms (longest of ${sorted.length}), of ${allowedMs} ms allowed`;
}

const inSeconds = (ms: number): string => (ms / 1_000).toFixed(1);

const sum = (counts: Iterable<number>): number => [...counts].reduce((total, count) => total + count, 0);

const rows = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, count]) => `| ${name} | ${count} |`)
    .join('\n');

function versions(): string[] {
  const require = createRequire(import.meta.url);
  const ofPackage = (name: string): string =>
    `${name} ${(require(`${name}/package.json`) as { version: string }).version}`;
  return [`Node ${process.versions.node}`, redisVersion(), ...['ioredis', 'express'].map(ofPackage)];
}

function redisVersion(): string {
  const found = findRedis();
  if (found.kind !== 'binary') return 'Redis in Docker';
  const [, version = 'unknown'] = /v=(\S+)/.exec(spawnSync(found.path, ['--version']).stdout.toString()) ?? [];
  return `Redis ${version}`;
}
