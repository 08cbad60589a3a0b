import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commit } from './commit.ts';
import { report } from './report.ts';
import { type Fault, nameOf } from './schedule.ts';
import { DEFAULT_SECONDS, settingsFrom } from './settings.ts';
import { soak } from './soak.ts';

/**
 * Soaks processes of `script` as `env` says, and tells of it. The last line is `violations 0`, or how many there were. Resolves to
 * the exit code.
 */
export async function command(env: NodeJS.ProcessEnv, script: URL): Promise<number> {
  const { seconds, seed } = settingsFrom(env);
  const again = `SOAK_SEED=${seed} SOAK_SECONDS=${seconds}`;
  console.log(again);
  // Before it may change.
  const of = commit();
  const startedAt = performance.now();
  const result = await soak({
    seconds,
    seed,
    script,
    onRound(round) {
      const at = Math.round((performance.now() - startedAt) / 1_000);
      console.log(`${String(at).padStart(4)} s  ${round.map(told).join(', ')}`);
    },
  });

  const page = report(result, of);
  console.log(`\n${page}`);
  if (seconds >= DEFAULT_SECONDS) writeFileSync(join(import.meta.dirname, '../../../../docs/soak.md'), page);
  for (const violation of result.violations) console.log(violation);
  if (result.violations.length > 0) console.log(`The same faults again: ${again} npm run soak`);
  console.log(`violations ${result.violations.length}`);
  return result.violations.length > 0 ? 1 : 0;
}

const told = (fault: Fault): string => `${nameOf(fault)} (${fault.forMs} ms)`;
