// Builds a TypeScript project and those it references, incrementally.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from './run.mjs';
import { step } from './task.mjs';
import { projects, root } from './workspace.mjs';

export const TSC = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

export const compile = (project = 'tsconfig.build.json') =>
  step('build', async () => {
    forgetLostBuilds();
    await mustRun(process.execPath, [TSC, '-b', project]);
  });

/** tsc believes its .tsbuildinfo: when somebody removed dist and left that, it would build nothing. */
export function forgetLostBuilds() {
  for (const { folder } of projects()) {
    if (!existsSync(join(root, folder, 'dist'))) rmSync(join(root, folder, '.tsbuildinfo'), { force: true });
  }
}
