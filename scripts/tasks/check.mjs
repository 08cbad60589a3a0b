// Runs every check, two at a time, and says at the end which passed. What a check says is shown when it fails.
import { join } from 'node:path';
import { TSC, forgetLostBuilds } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { run } from '../setup/run.mjs';
import { secondsSince, task } from '../setup/task.mjs';
import { root } from '../setup/workspace.mjs';

const bin = (name) => join(root, 'node_modules', '.bin', name);

/** The build comes first, since the packed tarballs hold what it makes; then the slowest, beside all the others. */
const BUILD = { name: 'build', command: [process.execPath, TSC, '-b', 'tsconfig.build.json'] };
const CHECKS = [
  { name: 'packages', command: [process.execPath, 'scripts/pack-check.mjs'] },
  { name: 'format', command: [bin('oxfmt'), '--check', '.'] },
  { name: 'lint', command: [bin('oxlint'), '.'] },
  { name: 'types', command: [process.execPath, TSC, '-p', 'tsconfig.json'] },
  { name: 'lua', command: [process.execPath, 'scripts/lua.mjs', '--check'] },
  { name: 'unused', command: [bin('knip')] },
];

const env = process.stdout.isTTY ? { ...process.env, FORCE_COLOR: '1' } : process.env;

await task(async () => {
  // The types of what the benchmarks compare with are checked, too.
  await install('bench');
  forgetLostBuilds();
  console.log(`checking ${[BUILD, ...CHECKS].map(({ name }) => name).join(', ')} …`);

  const results = [await check(BUILD)];
  const waiting = [...CHECKS];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results.push(await check(next));
  };
  await Promise.all([lane(), lane()]);

  console.log();
  for (const { name, passed, seconds, open } of results) {
    console.log(`${passed ? '✓' : '✗'} ${name.padEnd(9)} ${seconds}${open}`);
  }
  const failed = results.filter(({ passed }) => !passed);
  console.log(`\n${results.length - failed.length} passed, ${failed.length} failed`);
  return failed.length > 0 ? 1 : 0;
});

async function check({ name, command: [program, ...args] }) {
  const since = performance.now();
  const { code, output } = await run(program, args, { env });
  if (code !== 0) console.log(`\n── ${name} ──\n${output.trim()}`);
  // What a check could not find out is said even when it passes.
  const open = [...new Set(output.match(/not known: .*/g))].map((what) => `  ${what}`).join('');
  return { name, passed: code === 0, seconds: secondsSince(since), open };
}
