import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

const VITEST = new URL('../node_modules/vitest/vitest.mjs', import.meta.url).pathname;
const CONFIG = `${import.meta.dirname}/fixtures/skips/vitest.config.mjs`;

/** Runs the fixture as a run of its own. */
function run({ CI = '', SILENT = '' }, ...options: string[]): Promise<{ code: number; lines: string[] }> {
  // Without the variables by which this run's workers know that they are workers.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  const env = { ...Object.fromEntries(inherited), CI, SILENT, NO_COLOR: '1' };
  return new Promise((resolve) => {
    const arguments_ = [VITEST, 'run', '--config', CONFIG, ...options];
    execFile(process.execPath, arguments_, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), lines: (stdout + stderr).split('\n') });
    });
  });
}

const reports = (lines: string[]): string[] => lines.filter((line) => line.includes('skipped, because'));

test('what was skipped is counted by reason, and the run passes', async () => {
  const { code, lines } = await run({});
  expect(reports(lines)).toEqual([
    '3 skipped, because there is no Docker here',
    '1 skipped, because Redis is older than 7.2',
  ]);
  expect(lines.join('\n')).not.toContain('The hooks of a skipped suite ran');
  expect(code).toBe(0);
});

test('with CI=true a skip makes the run fail', async () => {
  const { code, lines } = await run({ CI: 'true' });
  expect(reports(lines)).toHaveLength(2);
  expect(code).toBe(1);
});

test('a skip without a reason is reported as such', async () => {
  const { lines } = await run({ SILENT: 'yes' });
  expect(reports(lines)).toContain('1 skipped, because nobody said why');
});

test('what a pattern leaves out is not skipped', async () => {
  const { code, lines } = await run({ CI: 'true' }, '-t', '^runs$');
  expect(reports(lines)).toEqual([]);
  expect(code).toBe(0);
});

test('what a pattern chose, and was skipped all the same, is reported', async () => {
  const { lines } = await run({}, '-t', 'a suite deeper');
  expect(reports(lines)).toEqual(['1 skipped, because there is no Docker here']);
});
