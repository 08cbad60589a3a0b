// All that can be said of this checkout, with a heading for each step and a summary at the end. `.ci/run` takes the quick forms.
//
//   --full             every test at full scale, and the whole matrix: npm run test:full
//   --full FILES…      these tests at full scale, and nothing else
import { arch, release, type } from 'node:os';
import { bringChromium } from '../setup/chromium.mjs';
import { bringPostgres } from '../setup/postgres.mjs';
import { run } from '../setup/run.mjs';
import { task } from '../setup/task.mjs';
import { tethered } from '../setup/tethered.mjs';
import { oneAfterTheOther } from '../verdict/one-after-the-other.mjs';

const TESTS_AT_FULL_SCALE = 'node scripts/test.mjs --full';

/** A command, or what has to be on the machine for the next one and no script can bring without root. */
const stepsOf = (isFull) => [
  'npm run check',
  { name: 'a Postgres', work: bringPostgres },
  isFull ? TESTS_AT_FULL_SCALE : 'npm test',
  { name: 'a Chromium', work: bringChromium },
  'npm run test:e2e',
  isFull ? 'npm run matrix' : 'npm run matrix -- --quick',
];

await task(async () => {
  const args = process.argv.slice(2);
  const files = args.filter((arg) => arg !== '--full');
  if (files.length > 0) return command(TESTS_AT_FULL_SCALE, files);

  console.log(
    `Node ${process.version}, npm ${(await run('npm', ['--version'])).output.trim()}, ${type()} ${release()} ${arch()}`,
  );
  const steps = stepsOf(args.includes('--full'));
  return oneAfterTheOther(
    // With CI=true what cannot be tested here has failed.
    steps.map((step) =>
      typeof step === 'string' ? { name: step, work: () => command(step, [], { ...process.env, CI: 'true' }) } : step,
    ),
  );
});

function command(line, more, env) {
  const [program, ...args] = line.split(' ');
  return tethered(program === 'node' ? process.execPath : program, [...args, ...more], { env }).exited;
}
