import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Question, Setting } from './contender.ts';
import { cores, pin } from './pin.ts';

/** What a process has used since it began. */
interface Usage {
  readonly cpuUs: number;
  readonly heapBytes: number;
}

/** The process of a contender, which listens. */
export interface AppProcess {
  readonly url: string;
  usage(): Promise<Usage>;
  /** The same, once the garbage is collected. */
  collected(): Promise<Usage>;
  stop(): Promise<void>;
}

const STDERR_TAIL = 2_000;

const RUNNER = new URL('contender-process.js', import.meta.url);

/** Starts the app that a file of `contenders/` makes; with its CPU profile written into a folder when it ends, if there is one. */
export async function startProcess(file: string, setting: Setting, profileInto?: string): Promise<AppProcess> {
  const profiling = profileInto === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileInto];
  const child = fork(RUNNER, [new URL(`../contenders/${file}.js`, import.meta.url).href, JSON.stringify(setting)], {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: ['--expose-gc', ...profiling],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const name = `${file} (${setting.variant})`;
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-STDERR_TAIL)));

  /** What it says next; rejects when it ends instead. */
  const hear = async (): Promise<Answer> => {
    const heard = new AbortController();
    const { signal } = heard;
    const ended = async (): Promise<never> => {
      await once(child, 'close', { signal });
      throw new Error(`${name} has ended. The end of its stderr:\n${stderr}`);
    };
    try {
      const [answer] = (await Promise.race([once(child, 'message', { signal }), ended()])) as [Answer];
      return answer;
    } finally {
      heard.abort();
    }
  };

  const ask = async (question: Question): Promise<Usage> => {
    const heard = hear();
    child.send(question);
    const answer = await heard;
    if (answer.kind !== 'usage') throw new Error(`${name} answered ${answer.kind} to ${question}`);
    return answer;
  };

  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    if (child.connected) child.disconnect();
    await exited;
  };

  try {
    const answer = await hear();
    if (answer.kind !== 'listening') throw new Error(`${name} said ${answer.kind} before it listened`);
    pin(child.pid, cores.app);
    return {
      url: `http://127.0.0.1:${answer.port}`,
      usage: () => ask('usage'),
      collected: () => ask('collect'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
