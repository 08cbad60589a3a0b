import type { ClientRequest, OutgoingHttpHeader, ServerResponse } from 'node:http';
import type { Head } from './storable.ts';

/** Stands between what records an answer and what is mounted outside of it, and may hold the answer back. */
export interface Gate {
  /** Lets go what was held, and all that comes. */
  open(): void;
  /** Drops what the handler has answered, and answers otherwise. Only while nothing has left: `isHolding`. */
  replace(answer: () => void): void;
  readonly isHolding: boolean;
  /** The head, once it has left through what is mounted outside. Rejects with what was thrown there. */
  readonly left: Promise<Head>;
  /** When the handler last had something to say, by `performance.now()`; undefined: it has not begun to. */
  readonly lastSaidAt: number | undefined;
}

interface GateOptions {
  /** The most that is held, and the most by which a handler may be ahead of its client, in bytes. */
  readonly maxBytes: number;
  /** Is shown the head before anybody outside sees it, and says whether to hold the answer back. */
  readonly onHead: (head: Head) => 'pass' | 'hold';
  /** More has come than is kept. */
  readonly onOverCap: () => void;
  /** Runs what is mounted outside. */
  readonly outside: <T>(call: () => T) => T;
}

/** Mounted before `record(res)`, so that the handler's calls come from the recorder, each with the head first. */
export function openGate(res: ServerResponse, { maxBytes, onHead, onOverCap, outside }: GateOptions): Gate {
  const { writeHead, write, end, flushHeaders } = res;
  const headersBefore = rawHeadersOf(res);
  const ownHeadMethods = Object.fromEntries(
    HEAD_METHODS.filter((name) => Object.hasOwn(res, name)).map((name) => [name, res[name]]),
  );
  const held: (() => void)[] = [];
  let isHolding = false;
  let isReplaced = false;
  let bytes = 0;
  let lastSaidAt: number | undefined;
  let leave: (head: Head) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const left = new Promise<Head>((resolve, reject) => ([leave, fail] = [resolve, reject]));
  left.catch(() => undefined);

  const pass = (method: unknown, args: unknown[]): unknown =>
    outside(() => Reflect.apply(method as () => unknown, res, args));
  const hold = (method: unknown, args: unknown[]): void => void held.push(() => void pass(method, args));
  const count = (chunk: unknown): void => {
    const wasOverCap = bytes > maxBytes;
    bytes += typeof chunk === 'string' || chunk instanceof Uint8Array ? Buffer.byteLength(chunk) : 0;
    if (bytes > maxBytes && !wasOverCap) onOverCap();
    lastSaidAt = performance.now();
  };

  const passHead = (args: unknown[]): ServerResponse => {
    try {
      pass(writeHead, args);
    } catch (error) {
      fail(error);
      throw error;
    }
    leave(headOf(res, Number(args[0])));
    return res;
  };

  const gate: Gate = {
    left,
    get isHolding() {
      return isHolding;
    },
    get lastSaidAt() {
      return lastSaidAt;
    },
    open() {
      if (!isHolding) return;
      thaw();
      for (const step of held.splice(0)) step();
    },
    replace(answer) {
      thaw();
      isReplaced = true;
      held.length = 0;
      // From here on the answer is nobody's to record, and the handler's own is over.
      held.push(() => {
        Object.assign(res, { write, end, flushHeaders, statusMessage: undefined });
        res.writeHead = (...args: unknown[]) => passHead(args);
        for (const name of res.getHeaderNames()) res.removeHeader(name);
        for (const [name, value] of headersBefore) res.setHeader(name, value);
        outside(answer);
        // To a client that has gone Node writes no head, and others wait for how it leaves.
        if (res.destroyed && !res.headersSent) res.writeHead(res.statusCode);
      });
    },
  };

  /** What is held has left as far as the handler can tell: its head is not to be changed any more. */
  function freeze(): void {
    isHolding = true;
    Object.defineProperty(res, 'headersSent', { value: true, configurable: true });
    for (const name of HEAD_METHODS) Object.defineProperty(res, name, { value: refuse, configurable: true });
  }

  function thaw(): void {
    isHolding = false;
    for (const name of ['headersSent', ...HEAD_METHODS]) Reflect.deleteProperty(res, name);
    Object.assign(res, ownHeadMethods);
  }

  /** The first of the handler's last words is where the other answer takes its place. */
  const instead = (args: unknown[] = []): void => {
    for (const callback of args) if (typeof callback === 'function') res.once('finish', callback as () => void);
    held.shift()?.();
  };

  res.writeHead = function writeHeadAtGate(...args: unknown[]) {
    lastSaidAt = performance.now();
    if (isHolding) refuse();
    if (isReplaced || res.headersSent) return pass(writeHead, args) as ServerResponse;
    const status = Number(args[0]);
    // Node throws at what is no status.
    const isStatus = status >= 100 && status <= 999;
    if (!isStatus || onHead(headOf(res, status)) === 'pass') return passHead(args);
    held.push(() => void passHead(args));
    freeze();
    return res;
  };

  res.write = function writeAtGate(...args: unknown[]) {
    count(args[0]);
    if (isReplaced) {
      instead(args);
      return true;
    }
    if (isHolding && bytes > maxBytes) gate.open();
    if (isHolding) {
      for (const callback of args.filter((arg) => typeof arg === 'function')) process.nextTick(callback);
      hold(
        write,
        args.filter((arg) => typeof arg !== 'function'),
      );
      return true;
    }
    const flows = pass(write, args) as boolean;
    // A client that reads slowly holds up nobody who waits for the same page.
    return flows || bytes <= maxBytes;
  } as ServerResponse['write'];

  res.end = function endAtGate(...args: unknown[]) {
    count(args[0]);
    if (isReplaced) instead(args);
    else if (isHolding) hold(end, args);
    else pass(end, args);
    return res;
  } as ServerResponse['end'];

  res.flushHeaders = function flushHeadersAtGate() {
    if (isReplaced) instead();
    else if (isHolding) hold(flushHeaders, []);
    else pass(flushHeaders, []);
  };

  return gate;
}

const HEAD_METHODS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const;

function refuse(): never {
  throw Object.assign(new Error('Cannot set headers after they are sent to the client'), {
    code: 'ERR_HTTP_HEADERS_SENT',
  });
}

/** As they are spelled: Node's types have the names for a request only. */
const rawHeadersOf = (res: ServerResponse): [string, OutgoingHttpHeader][] =>
  (res as unknown as Pick<ClientRequest, 'getRawHeaderNames'>)
    .getRawHeaderNames()
    .map((name) => [name, res.getHeader(name) ?? '']);

/** The head as it is on the response: also what was set outside, before. */
function headOf(res: ServerResponse, status: number): Head {
  const headers = Object.fromEntries(Object.entries(res.getHeaders()).map(([name, value]) => [name, String(value)]));
  return { status, headers };
}
