import type { IncomingMessage } from 'node:http';
import type { HttpResponse } from '@turnpike/core';
import { CREDENTIALS, hasCredentials, standsFor, unwatchedHeaders } from './credentials.ts';

/** Where frameworks keep who asks. */
const PROPERTIES = ['user', 'auth', 'oidc', 'session', 'sessionID', 'cookies', 'signedCookies'];

/** Where they are handed on to views, if there is anybody; and what is of one answer only. */
const LOCALS = ['user', 'currentUser', 'session', 'nonce', 'cspNonce', 'csrfToken'];

/** Other forms of all headers. */
const ALL_HEADERS = ['rawHeaders', 'headersDistinct'];

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
    ...(hasCredentials(req) ? ALL_HEADERS : []).map((name) => watchProperty(req, name, () => note(`req.${name}`))),
    watchHeaders(req, (name) => note(`req.headers.${name}`)),
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

const CREDENTIAL: ReadonlySet<string | symbol> = new Set(CREDENTIALS);

/** Also of those that are not there; and which there are stays as it is. */
function watchHeaders(req: IncomingMessage, note: (name: string) => void): () => void {
  const { headers } = req;
  const noteOf = (name: string | symbol): void => void (CREDENTIAL.has(name) && note(String(name)));
  const watched = new Proxy(headers, {
    get(target, name) {
      noteOf(name);
      return Reflect.get(target, name) as unknown;
    },
    has(target, name) {
      noteOf(name);
      return Reflect.has(target, name);
    },
    getOwnPropertyDescriptor(target, name) {
      const property = Reflect.getOwnPropertyDescriptor(target, name);
      if (property !== undefined) noteOf(name);
      return property;
    },
  });
  standsFor(watched, unwatchedHeaders(req));
  req.headers = watched;
  return function stop() {
    if (req.headers === watched) req.headers = headers;
  };
}

/** Nobody can tell whether what cannot be watched is read: what is there is taken for read. */
function watchProperty(target: object, name: string, note: () => void): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  if (own === undefined ? !Object.isExtensible(target) : !own.configurable) {
    if (own !== undefined) note();
    return () => undefined;
  }
  const inherited = inheritedOf(target, name);
  /** The property as it would be. */
  let current = own;

  const get = (): unknown => {
    note();
    return valueOf(current ?? inherited, target);
  };
  const set = (value: unknown): void => {
    const { set: write } = current ?? inherited ?? {};
    if (write !== undefined) {
      Reflect.apply(write, target, [value]);
      return;
    }
    current = { value, writable: true, enumerable: current?.enumerable ?? true, configurable: true };
    define();
  };
  function define(): void {
    // What is not there is not listed, and what cannot be written stays so.
    const effective = current ?? inherited;
    const isWritable = effective === undefined || effective.set !== undefined || effective.writable === true;
    Object.defineProperty(target, name, {
      configurable: true,
      enumerable: current?.enumerable ?? false,
      get,
      ...(isWritable && { set }),
    });
  }
  define();
  return function stop() {
    // It may be gone, or another's by now.
    if (Object.getOwnPropertyDescriptor(target, name)?.get !== get) return;
    if (current === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, current);
  };
}

const valueOf = (property: PropertyDescriptor | undefined, target: object): unknown =>
  property?.get === undefined ? property?.value : (Reflect.apply(property.get, target, []) as unknown);

function inheritedOf(target: object, name: string): PropertyDescriptor | undefined {
  const prototype = Object.getPrototypeOf(target) as object | null;
  if (prototype === null) return undefined;
  return Object.getOwnPropertyDescriptor(prototype, name) ?? inheritedOf(prototype, name);
}
