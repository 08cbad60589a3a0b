// How a task speaks and how it ends: one line a step, one sentence when it cannot go on, and everything it started
// is gone before it is.
import { constants } from 'node:os';

/** An end that needs no stack trace: the message says it all. */
export class Stop extends Error {}

const cleanups = new Set();
let ending = false;

/** Runs when the task ends, however it ends; the last one registered runs first. Returns how to call it off. */
export function atEnd(cleanup) {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

/** True once the end has begun: what dies from now on was meant to. */
export const isEnding = () => ending;

/** Runs `work`; what it returns is the exit code, unless a signal comes first. */
export async function task(work, { codeAfter = (signal) => 128 + constants.signals[signal] } = {}) {
  const onSignal = (signal) => void end(codeAfter(signal));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
  whenNpmIsGone(() => onSignal('SIGTERM'));

  try {
    await end((await work()) ?? 0);
  } catch (error) {
    console.error(error instanceof Stop ? `\n${error.message}` : error);
    await end(1);
  }
}

async function end(code) {
  if (ending) return;
  ending = true;
  for (const cleanup of [...cleanups].toReversed()) await cleanup();
  process.exit(code);
}

/** npm hands a SIGTERM to the shell between it and us, and the shell keeps it to itself. */
function whenNpmIsGone(react) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    react();
  }, 250).unref();
}

/** One line for one piece of work, with its seconds; `work` may `note` something for the end of the line. */
export async function step(name, work) {
  const since = performance.now();
  let remark = '';
  process.stdout.write(`${name.padEnd(8)} `);
  try {
    return await work((note) => (remark = note));
  } catch (error) {
    remark = 'failed';
    throw error;
  } finally {
    console.log(`${secondsSince(since)}  ${remark}`.trimEnd());
  }
}

export const secondsSince = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`.padStart(7);
