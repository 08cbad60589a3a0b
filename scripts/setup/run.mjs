// Runs one command to its end, without a stdin, and keeps what it says for the case that it fails.
import { spawn } from 'node:child_process';
import { Stop, atEnd, isEnding } from './task.mjs';
import { root } from './workspace.mjs';

const GRACE_MS = 500;

/** Never rejects: a command that does not exist has the code 127, one that took longer than `timeoutMs` the code 124. */
export function run(command, args, { cwd = root, env = process.env, timeoutMs = 0 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const gone = new Promise((exited) => child.once('exit', exited));
    const forget = atEnd(() => {
      child.kill();
      setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      return gone;
    });

    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    const settle = (code) => {
      clearTimeout(timer);
      // Killed because the task ends: whoever waits for this must not go on with the next step.
      if (isEnding()) return;
      forget();
      resolve({ code, output });
    };
    const giveUp = () => {
      child.kill('SIGKILL');
      settle(124);
    };
    const timer = timeoutMs ? setTimeout(giveUp, timeoutMs) : undefined;
    child.once('error', () => settle(127));
    child.once('close', (code) => settle(code ?? 1));
  });
}

/** As `run`, but ends the task with the command's own words when it fails. */
export async function mustRun(command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) throw new Stop(`${output.trim()}\n\n${[command, ...args].join(' ')} ended with code ${code}`);
  return output;
}
