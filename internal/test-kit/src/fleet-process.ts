import { fork } from 'node:child_process';
import type { FromMember, MemberStart, ToMember } from './fleet-protocol.ts';
import { guardOrphan } from './orphan-guard.ts';

/** One process of a fleet. */
export interface FleetProcess {
  readonly pid: number;
  /** Resolves when it is gone. Barriers and `results` go on without it. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: its timers and sockets stand still until `resume`. */
  pause(): void;
  resume(): void;
}

/** How a process of a fleet came to its end. */
type Ending =
  | { readonly how: 'result'; readonly value: unknown }
  | { readonly how: 'killed' }
  | { readonly how: 'died'; readonly because: string };

/** A process as its fleet holds it. */
export interface FleetProcessHandle extends FleetProcess {
  /** Resolves when it is gone and all it said was heard. Never rejects. */
  readonly ended: Promise<Ending>;
  tell(message: ToMember): void;
}

const STDERR_TAIL = 4_000;

/** Starts `script` in a Node of its own, which dies with this process, however this process ends. */
export function startFleetProcess(
  script: string | URL,
  start: MemberStart,
  env: Record<string, string>,
  hear: (message: Exclude<FromMember, { kind: 'result' }>) => void,
): FleetProcessHandle {
  const child = fork(script, [JSON.stringify(start)], {
    env: { ...process.env, ...env },
    // Those of a test runner are not meant for it.
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const release = child.pid === undefined ? () => undefined : guardOrphan(child.pid);
  let isKilled = false;
  let result: { how: 'result'; value: unknown } | undefined;
  let stderr = '';

  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_TAIL);
  });
  child.on('message', (message: FromMember) => {
    if (message.kind === 'result') result = { how: 'result', value: message.value };
    else hear(message);
  });
  child.on('exit', release);
  const ended = new Promise<Ending>((resolve) => {
    child.on('error', ({ message }) => {
      if (child.pid === undefined) resolve({ how: 'died', because: `could not be started: ${message}` });
    });
    child.on('close', (code, signal) => {
      const because = `ended without a result (${signal ?? `exit code ${code}`}). The end of its stderr:\n${stderr}`;
      resolve(result ?? (isKilled ? { how: 'killed' } : { how: 'died', because }));
    });
  });

  return {
    pid: child.pid ?? 0,
    ended,
    async kill(signal = 'SIGKILL') {
      isKilled = true;
      child.kill(signal);
      await ended;
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    tell(message) {
      // It may have ended meanwhile, which is no failure of the one who speaks.
      if (child.connected) child.send(message, () => undefined);
    },
  };
}
