import { TurnpikeError } from './errors.ts';

/** What a middleware knows of a request, kept beside it: nothing is added to `req`, so nothing there can clash. */
export interface Attachment<T> {
  attach(req: object, value: T): void;
  /** What was attached to this request, if anything was. */
  find(req: object): T | undefined;
  /**
   * What was attached to this request.
   *
   * @throws TurnpikeError `ERR_TURNPIKE_NOT_MOUNTED` when the middleware has not seen it
   */
  of(req: object): T;
}

export function attachment<T>(factory: string): Attachment<T> {
  const values = new WeakMap<object, T>();
  return {
    attach(req, value) {
      values.set(req, value);
    },
    find: (req) => values.get(req),
    of(req) {
      if (values.has(req)) return values.get(req) as T;
      throw notMounted(factory);
    },
  };
}

/** The error of asking for what a middleware knows of a request that it has not seen. */
export const notMounted = (factory: string): TurnpikeError =>
  new TurnpikeError(
    'ERR_TURNPIKE_NOT_MOUNTED',
    `${factory}.of(req): this ${factory}() middleware did not run for this request. Mount it before the handler that asks.`,
  );
