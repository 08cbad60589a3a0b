// npm run soak: SOAK_SECONDS (300), SOAK_SEED (any). The last line is `violations 0`, or how many there were.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { report } from './report.ts';
import type { Fault } from './schedule.ts';
import { soak } from './soak.ts';

const DEFAULT_SECONDS = 300;

const seconds = Number(process.env['SOAK_SECONDS'] ?? DEFAULT_SECONDS);
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
console.log(`SOAK_SEED=${seed}, ${seconds} s`);

const nameOf = ({ kind, forMs, policy }: Fault): string => `${kind}${policy ? ` ${policy}` : ''} (${forMs} ms)`;

const startedAt = performance.now();
const result = await soak({
  seconds,
  seed,
  onRound(round) {
    const at = Math.round((performance.now() - startedAt) / 1_000);
    console.log(`${String(at).padStart(4)} s  ${round.map(nameOf).join(', ')}`);
  },
});

const page = report(result);
console.log(`\n${page}`);
// A shorter one is for whoever looks for something, and says too little to be kept.
if (seconds >= DEFAULT_SECONDS) writeFileSync(join(import.meta.dirname, '../../../../docs/soak.md'), page);
for (const violation of result.violations) console.log(violation);
if (result.violations.length > 0) console.log(`Again: SOAK_SEED=${seed} SOAK_SECONDS=${seconds} npm run soak`);
console.log(`violations ${result.violations.length}`);
process.exitCode = result.violations.length > 0 ? 1 : 0;
