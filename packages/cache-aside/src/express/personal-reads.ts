import type { IncomingMessage } from 'node:http';
import type { HttpResponse } from '@turnpike/core';

/** Where frameworks keep who asks. */
const PROPERTIES = ['user', 'session', 'cookies', 'signedCookies'];

/** Where they are handed on to views, if there is anybody. */
const LOCALS = ['user', 'currentUser', 'session'];

/** Where clients say who they are. */
export const CREDENTIALS: readonly string[] = [
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'x-auth-token',
  'x-access-token',
];

/** Whether a request says who asks. Does not look at what it says: an outer cache may be watching. */
export const hasCredentials = ({ headers }: IncomingMessage): boolean =>
  CREDENTIALS.some((name) => Object.prototype.propertyIsEnumerable.call(headers, name));

/** Whether a handler has looked at who asks. */
export interface PersonalReads {
  /** What it looked at first. */
  readonly seen: string | undefined;
  /** Runs what is not the handler's: hooks of others, mounted outside. */
  unwatched<T>(call: () => T): T;
  stop(): void;
}

/** Watches what is read of who asks from here on. What is read and written stays as it is. */
export function watchPersonalReads(req: IncomingMessage, res: HttpResponse): PersonalReads {
  let seen: string | undefined;
  let isPaused = false;
  const note = (name: string): void => {
    if (!isPaused) seen ??= name;
  };
  const locals = (res.locals ?? {}) as Record<string, unknown>;
  const stops = [
    ...LOCALS.filter((name) => locals[name] !== undefined && locals[name] !== null).map((name) =>
      watchProperty(locals, name, () => note(`res.locals.${name}`)),
    ),
    ...PROPERTIES.map((name) => watchProperty(req, name, () => note(`req.${name}`))),
    ...CREDENTIALS.map((name) => watchProperty(req.headers, name, () => note(`req.headers.${name}`))),
  ];
  return {
    get seen() {
      return seen;
    },
    unwatched(call) {
      const wasPaused = isPaused;
      isPaused = true;
      try {
        return call();
      } finally {
        isPaused = wasPaused;
      }
    },
    stop() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

function watchProperty(target: object, name: string, note: () => void): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  if (own !== undefined && !own.configurable) return () => undefined;
  let isWritten = false;
  let written: unknown = undefined;

  const current = (): unknown => {
    if (isWritten) return written;
    if (own === undefined) return Reflect.get(Object.getPrototypeOf(target) as object, name, target);
    return own.get === undefined ? own.value : (Reflect.apply(own.get, target, []) as unknown);
  };
  Object.defineProperty(target, name, {
    configurable: true,
    // What is not there is not listed.
    enumerable: own?.enumerable ?? false,
    get() {
      note();
      return current();
    },
    set(value: unknown) {
      if (own?.set === undefined) [isWritten, written] = [true, value];
      else Reflect.apply(own.set, target, [value]);
    },
  });
  return function stop() {
    if (isWritten)
      Object.defineProperty(target, name, { value: written, configurable: true, enumerable: true, writable: true });
    else if (own === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, own);
  };
}
