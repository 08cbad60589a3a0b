// A child process that ends with the task, and that ends as well when this process is killed (see tether.mjs).
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { atEnd } from './task.mjs';
import { root } from './workspace.mjs';

const TETHER = fileURLToPath(new URL('tether.mjs', import.meta.url));

/**
 * Detached, so that a Ctrl-C reaches only this process, which then ends its children one after the other, the last one
 * first. `exited` resolves with the exit code; `said()` is what a quiet child has written.
 */
export function tethered(command, args, { env = process.env, quiet = false } = {}) {
  const output = quiet ? 'pipe' : 'inherit';
  const stdio = ['ignore', output, output, 'ipc'];
  const child = fork(TETHER, [command, ...args], { cwd: root, env, execArgv: [], detached: true, stdio });

  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (said += text));

  const exited = new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  atEnd(() => {
    if (child.connected) child.disconnect();
    return exited;
  });
  return { exited, said: () => said };
}
