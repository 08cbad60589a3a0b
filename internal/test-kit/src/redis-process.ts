import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { guardOrphan } from './orphan-guard.ts';

/** One run of a server, from its start to its exit. */
export interface RedisProcess {
  readonly pid: number;
  /** Resolves when it is gone. Never rejects. */
  readonly exited: Promise<void>;
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void;
}

/** Somebody else has bound the port. */
export class PortTaken extends Error {}

const READY_WITHIN_MS = 10_000;
const LOG_TAIL = 4_000;

/**
 * Starts `binary` with `args` and resolves when its log says `readyWhen`: that it accepts connections.
 *
 * Its own log says when that is. A PING would not do: until it has failed to bind, whoever took its port answers.
 *
 * @throws PortTaken, or an Error with the end of the server's log.
 */
export function launchRedis(
  binary: string,
  args: readonly string[],
  directory: string,
  readyWhen: string = 'Ready to accept connections',
): Promise<RedisProcess> {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const release = child.pid === undefined ? () => undefined : guardOrphan(child.pid, directory);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      release();
      resolve();
    });
  });
  return new Promise((resolve, reject) => {
    let log = '';
    const tooLate = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`Redis was not ready within ${READY_WITHIN_MS} ms. The end of its log:\n${log}`));
    }, READY_WITHIN_MS);
    const read = (chunk: Buffer): void => {
      log += chunk.toString();
      if (log.includes(readyWhen)) ready();
      log = log.slice(-LOG_TAIL);
    };
    const ready = (): void => {
      clearTimeout(tooLate);
      for (const output of [child.stdout, child.stderr]) output.off('data', read).resume();
      letTheProcessEnd(child);
      resolve(processOf(child, exited));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', (cause) => {
      clearTimeout(tooLate);
      reject(new Error(`${binary} could not be started: ${cause.message}`, { cause }));
    });
    child.once('close', (code, signal) => {
      clearTimeout(tooLate);
      const taken = log.includes('Address already in use');
      const ended = `Redis ended before it was ready (${signal ?? `exit code ${code}`})`;
      reject(taken ? new PortTaken(ended) : new Error(`${ended}. The end of its log:\n${log}`));
    });
  });
}

/** A script that forgets to stop its server ends all the same, and the guard takes the server away. */
function letTheProcessEnd(child: ChildProcess): void {
  child.unref();
  (child.stdout as Socket).unref();
  (child.stderr as Socket).unref();
}

function processOf(child: ChildProcess, exited: Promise<void>): RedisProcess {
  return {
    pid: child.pid as number,
    exited,
    signal(name) {
      if (name === 'SIGKILL') child.ref();
      child.kill(name);
    },
  };
}
