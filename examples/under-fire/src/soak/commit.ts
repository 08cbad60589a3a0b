import { spawnSync } from 'node:child_process';

/** What is run: the commit that is checked out, and `-dirty` where files of it were changed. */
export function commit(): string {
  const describe = ['describe', '--always', '--abbrev=7', '--exclude=*', '--dirty'];
  const { status, stdout } = spawnSync('git', describe, { cwd: import.meta.dirname, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown: not a checkout';
}
