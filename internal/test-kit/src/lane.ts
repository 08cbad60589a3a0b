import type { Socket } from 'node:net';

/** One direction of a connection. What goes in comes out in order. */
export interface Lane {
  push(chunk: Buffer): void;
  /** The sender will say no more; `destination` is ended behind what is still on its way. */
  end(): void;
  /** To be called when `delayMs` may have changed. */
  flow(): void;
  /** Forgets what is on its way. */
  close(): void;
}

/** Passes everything on to `destination` when it is `delayMs()` old; with Infinity, not until that changes. */
export function createLane(destination: Socket, delayMs: () => number): Lane {
  const underWay: { at: number; chunk: Buffer | undefined }[] = [];
  let timer: NodeJS.Timeout | undefined;

  function flow(): void {
    clearTimeout(timer);
    for (let next = underWay[0]; next !== undefined; next = underWay[0]) {
      const waitMs = next.at + delayMs() - performance.now();
      if (waitMs > 0) {
        if (waitMs < Infinity) timer = setTimeout(flow, Math.ceil(waitMs));
        return;
      }
      underWay.shift();
      if (next.chunk === undefined) destination.end();
      else if (destination.writable) destination.write(next.chunk);
    }
  }

  function push(chunk: Buffer | undefined): void {
    underWay.push({ at: performance.now(), chunk });
    if (underWay.length === 1) flow();
  }

  return {
    push,
    end: () => push(undefined),
    flow,
    close() {
      clearTimeout(timer);
      underWay.length = 0;
    },
  };
}
