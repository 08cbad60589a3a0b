// Steps with a heading and their time each, one after the other. One that fails stops none: at the end they are all known.
import { Stop, secondsSince } from '../setup/task.mjs';

/** `steps` are a name and something to do, which resolves with an exit code or with nothing. The exit code of all of them. */
export async function oneAfterTheOther(steps, say = console.log) {
  const results = [];
  for (const { name, work } of steps) {
    say(`\n▶ ${name}`);
    const since = performance.now();
    const isGreen = await succeeds(work, say);
    const line = `${isGreen ? '✓' : '✗'} ${secondsSince(since)}  ${name}`;
    say(line);
    results.push({ name, isGreen, line });
  }
  const failed = results.filter(({ isGreen }) => !isGreen).map(({ name }) => name);
  say(`\n${results.map(({ line }) => line).join('\n')}`);
  say(failed.length === 0 ? '\nAll of it is green.' : `\nFailed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

async function succeeds(work, say) {
  try {
    return ((await work()) ?? 0) === 0;
  } catch (error) {
    say(error instanceof Stop ? error.message : error);
    return false;
  }
}
