import { readFileSync } from 'node:fs';

/** Whether a process runs, or could. One that has ended, and that its parent has not taken note of, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    // There is no /proc on macOS.
    return (error as NodeJS.ErrnoException).syscall === 'open' && process.platform !== 'linux';
  }
}
