// Puts node_modules in place with the pnpm of our choice, and knows when there is nothing to do.
//
// The note of what was installed lies in node_modules itself, so that whoever removes the one removes the other.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pnpm } from './pnpm.mjs';
import { step } from './task.mjs';
import { projects, root } from './workspace.mjs';

/**
 * What to install, from most to least: all of it; without what the benchmarks compare with, which no test needs; or what the
 * shop is built from and runs on, without the tests' own dependencies.
 */
const SCOPES = {
  bench: [],
  all: ['--filter', '!@turnpike/bench'],
  shop: ['--filter-prod', '@turnpike/example-shop...'],
};

const extent = (scope) => Object.keys(SCOPES).indexOf(scope);

const NOTE = join(root, 'node_modules', '.turnpike-install.json');

/** Whatever changes the result of an install changes this. */
export function fingerprint(files, platform = `${process.platform}-${process.arch}`) {
  const hash = createHash('sha256').update(platform);
  for (const [name, content] of files) hash.update(`\0${name}\0${content}`);
  return hash.digest('hex');
}

/** Whether an install that left `note` is still good for `scope`: a larger one is good for the shop, not the reverse. */
export const satisfies = (note, scope, print) => note?.print === print && extent(note.scope) <= extent(scope);

export async function install(scope) {
  const files = [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'package.json',
    ...projects().map(({ folder }) => `${folder}/package.json`),
  ];
  const print = fingerprint(files.map((name) => [name, readFileSync(join(root, name), 'utf8')]));
  const madeByNpm = existsSync(join(root, 'node_modules', '.package-lock.json'));
  if (!madeByNpm && satisfies(readNote(), scope, print)) return;

  await step('install', async () => {
    // pnpm would leave npm's packages lying beside its own.
    if (madeByNpm) rmSync(join(root, 'node_modules'), { recursive: true, force: true });
    await pnpm(['install', '--frozen-lockfile', ...SCOPES[scope]]);
    writeFileSync(NOTE, JSON.stringify({ scope, print }));
  });
}

function readNote() {
  try {
    return JSON.parse(readFileSync(NOTE, 'utf8'));
  } catch {
    return undefined;
  }
}
