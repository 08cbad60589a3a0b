import type { ServerResponse } from 'node:http';
import type { Gate } from './gate.ts';

interface Waiting {
  readonly gate: Gate;
  /** Aborted when nobody waits for the answer any longer. */
  readonly signal: AbortSignal;
  /** False: nobody but the client that has gone wants this answer. */
  readonly isWanted: () => boolean;
}

/** A handler that has seen that its client has gone says nothing more: so long after the last it said, in ms. */
const SILENCE_MS = 500;

/**
 * Keeps from a handler that its client has hung up, as long as others want its answer: what pipes into the response goes on, into
 * the record. Calls `onGone` where it has noticed all the same (`sendFile` looks at the socket), and nothing more comes. Returns
 * what ends both.
 */
export function afterHangUp(res: ServerResponse, { gate, signal, isWanted }: Waiting, onGone: () => void): () => void {
  const { emit } = res;
  const passOn: (event: string | symbol, ...args: unknown[]) => boolean = emit;
  let timer: NodeJS.Timeout | undefined;
  let isHidden = false;

  const look = (): void => {
    const saidAt = gate.lastSaidAt;
    if (!isWanted()) return stop();
    // One that has not begun to answer may know nothing of its client, and answer all the same.
    if (saidAt !== undefined && performance.now() - saidAt >= SILENCE_MS) return onGone();
    timer = setTimeout(look, SILENCE_MS).unref();
  };

  function stop(): void {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    if (res.emit === hiding) res.emit = emit;
    if (isHidden) process.nextTick(() => Reflect.apply(emit, res, ['close']));
    isHidden = false;
  }

  function hiding(this: ServerResponse, event: string | symbol, ...args: unknown[]): boolean {
    if (event !== 'close' || isHidden || !isWanted()) return Reflect.apply(passOn, res, [event, ...args]);
    isHidden = true;
    timer = setTimeout(look, SILENCE_MS).unref();
    return true;
  }

  res.emit = hiding;
  signal.addEventListener('abort', stop, { once: true });
  return stop;
}
