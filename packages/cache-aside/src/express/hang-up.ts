import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gate } from './gate.ts';

interface Waiting {
  readonly gate: Gate;
  /** Aborted when nobody waits for the answer any longer. */
  readonly signal: AbortSignal;
  /** False: nobody but the client that has gone wants this answer. */
  readonly isWanted: () => boolean;
  /** The handler has broken the connection itself. */
  readonly onDestroyed: () => void;
  /** The client has gone, and so, it seems, has the handler. */
  readonly onGone: () => void;
}

/** A handler that has seen that its client has gone says nothing more: so long after the last it said, or should have, in ms. */
const [SILENCE_MS, UNSAID_MS] = [500, 2000];

/**
 * Keeps from a handler that its client has hung up, as long as others want its answer: what pipes into the response goes on, into
 * the record. Some notice all the same (`sendFile` looks at the socket). Returns what ends it, and tells then what was kept back.
 */
export function afterHangUp(
  req: IncomingMessage,
  res: ServerResponse,
  { gate, signal, isWanted, onDestroyed, onGone }: Waiting,
): () => void {
  const { destroy } = res;
  const hadOwnDestroy = Object.hasOwn(res, 'destroy');
  let timer: NodeJS.Timeout | undefined;
  let goneAt = Infinity;

  const look = (): void => {
    if (!isWanted()) return stop();
    const { lastSaidAt } = gate;
    // One that has not begun to answer may know nothing of its client, and answer all the same.
    const [since, mostMs] = lastSaidAt === undefined ? [goneAt, UNSAID_MS] : [lastSaidAt, SILENCE_MS];
    if (performance.now() - since >= mostMs) {
      stop();
      return onGone();
    }
    timer = setTimeout(look, SILENCE_MS).unref();
  };

  // That it closes when it has been read to its end is no hang-up.
  const tellRequest = keepBack(req, ['close', 'aborted', 'error'], () => req.socket.destroyed && isWanted());
  const tellResponse = keepBack(res, ['close'], isWanted, () => {
    const { socket } = req;
    goneAt = performance.now();
    if (socket.readableEnded || socket.errored) timer ??= setTimeout(look, SILENCE_MS).unref();
    else {
      // No client has gone: the handler has broken off, or an error handler for it.
      stop();
      onDestroyed();
    }
  });

  function destroyNoticed(...args: Parameters<typeof destroy>): ServerResponse {
    stop();
    onDestroyed();
    return Reflect.apply(destroy, res, args);
  }
  res.destroy = destroyNoticed;

  function stop(): void {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    if (res.destroy === destroyNoticed) {
      if (hadOwnDestroy) res.destroy = destroy;
      else Reflect.deleteProperty(res, 'destroy');
    }
    tellRequest();
    tellResponse();
  }
  signal.addEventListener('abort', stop, { once: true });
  return stop;
}

/** Keeps events back, as long as that is wanted, until the function returned is called. */
function keepBack(
  emitter: EventEmitter,
  events: readonly string[],
  isWanted: () => boolean,
  onFirst: () => void = () => undefined,
): () => void {
  const { emit } = emitter;
  const hadOwn = Object.hasOwn(emitter, 'emit');
  const kept: [event: string | symbol, args: unknown[]][] = [];
  let isOver = false;

  function emitLater(this: EventEmitter, event: string | symbol, ...args: unknown[]): boolean {
    if (typeof event !== 'string' || !events.includes(event) || isOver || !isWanted()) {
      return Reflect.apply(emit, emitter, [event, ...args]);
    }
    kept.push([event, args]);
    onFirst();
    return true;
  }
  emitter.emit = emitLater;

  return function tell() {
    // Somebody inside may have put a hook of his own over ours, which then stays.
    isOver = true;
    if (emitter.emit === emitLater) {
      if (hadOwn) emitter.emit = emit;
      else Reflect.deleteProperty(emitter, 'emit');
    }
    for (const [event, args] of kept.splice(0)) {
      // An error that nobody listens for would end the process, and is the client's going.
      if (event === 'error' && emitter.listenerCount('error') === 0) continue;
      process.nextTick(() => Reflect.apply(emit, emitter, [event, ...args]));
    }
  };
}
