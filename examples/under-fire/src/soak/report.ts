import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { findRedis } from '@turnpike/test-kit';
import type { SoakResult } from './soak.ts';

/** docs/soak.md. */
export function report({ seconds, seed, processes, requests, faults, recoveriesMs, violations }: SoakResult): string {
  const total = sum(requests.values());
  const sorted = recoveriesMs.toSorted((one, other) => one - other);
  const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  return `# The soak

Written by \`npm run soak\`: all packages in one app, ${processes} processes of it, each behind a network of its own, one Redis; and everything that can be
taken away is, again and again, while all of it is asked for. What was answered is held against every promise
([how](../examples/under-fire/README.md)).

| | |
|---|---|
| duration | ${seconds} s |
| requests | ${total} |
| faults | ${sum(faults.values())}, in ${recoveriesMs.length} rounds |
| decided by Redis again | after ${at(0.5)} ms (median), ${at(1)} ms (longest) |
| **violations** | **${violations.length}** |
| seed | ${seed} |
| versions | ${versions().join(', ')} |
| date | ${new Date().toISOString().slice(0, 10)} |

| fault | times |
|---|---|
${rows(faults)}

| request, answered | times |
|---|---|
${rows(requests)}
`;
}

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
