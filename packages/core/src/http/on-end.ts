import type { ServerResponse } from 'node:http';
import { isolated } from '../isolated.ts';
import { isAborted } from './aborted.ts';

/** How a response ended. */
export interface Ended {
  /** The status it was answered with. */
  readonly status: number;
  /** True when the client had gone before the handler answered: nobody received this status. */
  readonly aborted: boolean;
}

const listenersOf = new WeakMap<ServerResponse, ((ended: Ended) => void)[]>();

/**
 * Calls `listener` once, when the handler calls `res.end()`, or at once when it has: that is when an answer is complete. Not on 'finish' or
 * 'close', which do not come, or come early, when the client hangs up while the handler runs on. A response that is
 * never ended calls nobody. Listeners run in the order they were added, before the last byte is handed to Node; one that
 * throws is warned of, and the response ends all the same.
 */
export function onEnd(res: ServerResponse, listener: (ended: Ended) => void): void {
  const listeners = listenersOf.get(res);
  if (listeners !== undefined) {
    listeners.push(listener);
    return;
  }
  if (res.writableEnded) {
    isolated(() => listener({ status: res.statusCode, aborted: isAborted(res) }));
    return;
  }
  const waiting = [listener];
  listenersOf.set(res, waiting);

  const { end } = res;
  res.end = function endOnce(this: ServerResponse, ...args: unknown[]) {
    const aborted = isAborted(res);
    // Emptied before they are called: a second end() is Node's to complain about, and nobody's to count.
    for (const call of waiting.splice(0)) isolated(() => call({ status: res.statusCode, aborted }));
    return Reflect.apply(end, this, args) as ServerResponse;
  } as ServerResponse['end'];
}
