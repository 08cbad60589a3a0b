// The pnpm of our choice, in .cache: a fresh machine has none, and corepack is gone from Node 25.
//
// Not by npx: when its first download is interrupted, its cache stays broken and every later npx fails.
import { join } from 'node:path';
import { cached } from './cache.mjs';
import { mustRun } from './run.mjs';

const VERSION = '10.34.9';

/** Runs pnpm; ends the task with its words when it fails. */
export async function pnpm(args, options) {
  const folder = await cached(`pnpm-${VERSION}`, (prefix) =>
    mustRun('npm', ['install', '--prefix', prefix, '--no-save', '--no-audit', '--no-fund', `pnpm@${VERSION}`]),
  );
  return mustRun(process.execPath, [join(folder, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs'), ...args], options);
}
