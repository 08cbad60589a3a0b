import { type HttpRequest, TurnpikeError } from '@turnpike/core';
import { digest } from './digest.ts';

/** What a key is a key of. */
export interface Identity {
  readonly prefix: string;
  /** Who asks; undefined where anybody may retry for anybody. */
  readonly scope: string | undefined;
  readonly key: string;
}

/** The path as the client wrote it, without its query. */
const pathOf = (req: HttpRequest): string => /^[^?#]*/.exec(req.originalUrl ?? req.url ?? '')?.[0] ?? '';

/** The same key of another caller, on another method or another path, is another identity. Nothing can be read from it. */
export const identityOf = (req: HttpRequest, { prefix, scope, key }: Identity): string =>
  digest([prefix, ...(scope === undefined ? ['public'] : ['scope', scope]), req.method ?? '', pathOf(req), key]);

/** What comes of writing down what is not there. */
const NOBODY: ReadonlySet<string> = new Set(['', 'undefined', 'null', 'NaN', '[object Object]']);

/**
 * What a function among the options gave, if it names something.
 *
 * @throws TurnpikeError with `code` otherwise: to go on would hand one caller's answer to another
 */
export function named(option: string, given: unknown, code: 'ERR_TURNPIKE_SCOPE' | 'ERR_TURNPIKE_KEY'): string {
  if (typeof given === 'string' && !NOBODY.has(given)) return given;
  if (typeof given === 'number' && Number.isFinite(given)) return String(given);
  const received = typeof given === 'string' ? JSON.stringify(given) : given === null ? 'null' : typeof given;
  throw new TurnpikeError(
    code,
    `idempotency: option "${option}" must give a string or a number for every request, received ${received}`,
  );
}
