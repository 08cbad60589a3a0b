import { TurnpikeError } from './errors.ts';

/** What a middleware knows of a request, kept beside it: nothing is added to `req`, so nothing there can clash. */
export interface Attachment<T> {
  attach(req: object, value: T): void;
  has(req: object): boolean;
  /**
   * What was attached to this request.
   *
   * @throws TurnpikeError `ERR_TURNPIKE_NOT_MOUNTED` when the middleware has not seen it
   */
  of(req: object): T;
}

export function attachment<T>(factory: string): Attachment<T> {
  const values = new WeakMap<object, { value: T }>();
  return {
    attach(req, value) {
      values.set(req, { value });
    },
    has: (req) => values.has(req),
    of(req) {
      const held = values.get(req);
      if (held !== undefined) return held.value;
      throw new TurnpikeError(
        'ERR_TURNPIKE_NOT_MOUNTED',
        `${factory}.of(req): this ${factory}() middleware did not run for this request. Mount it before the handler that asks.`,
      );
    },
  };
}
