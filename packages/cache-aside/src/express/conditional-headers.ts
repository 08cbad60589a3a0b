import type { IncomingMessage } from 'node:http';
import type { Conditions } from './conditional.ts';

const FIELDS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range'];

/** By which a handler is asked whether a page still holds. */
export type Validators = Readonly<Record<string, string>>;

export const conditionsOf = ({ headers }: IncomingMessage): Conditions => ({
  'if-none-match': headers['if-none-match'],
  'if-modified-since': headers['if-modified-since'],
  'if-range': headers['if-range']?.toString(),
  range: headers.range,
});

export const isConditional = (conditions: Conditions): boolean =>
  conditions['if-none-match'] !== undefined ||
  conditions['if-modified-since'] !== undefined ||
  conditions['if-range'] !== undefined ||
  conditions.range !== undefined;

/** Whether a request makes its answer depend on what its client has. */
export const hasConditions = ({ headers }: IncomingMessage): boolean =>
  FIELDS.some((field) => headers[field] !== undefined);

/**
 * Takes the fields out of a request that would make a part of an answer of it, or none, and puts `validators` in their place,
 * until the function returned is called.
 */
export function hideConditions(req: IncomingMessage, validators: Validators = {}): () => void {
  const hidden = FIELDS.flatMap((field) => (field in req.headers ? [[field, req.headers[field]] as const] : []));
  const shown = Object.entries(validators);
  if (hidden.length === 0 && shown.length === 0) return () => undefined;
  const { rawHeaders } = req;
  // Node makes this one of the raw headers, by a count of its own: it has to be made before those are fewer.
  const { headersDistinct } = req;
  const distinct = hidden.map(([field]) => [field, headersDistinct[field]] as const);
  const remove = ([field]: readonly [string, ...unknown[]]): void => {
    Reflect.deleteProperty(req.headers, field);
    Reflect.deleteProperty(headersDistinct, field);
  };
  hidden.forEach(remove);
  for (const [field, value] of shown) {
    req.headers[field] = value;
    headersDistinct[field] = [value];
  }
  const others = rawHeaders.filter((_, at) => !FIELDS.includes((rawHeaders[at - (at % 2)] ?? '').toLowerCase()));
  req.rawHeaders = [...others, ...shown.flat()];
  return function restore() {
    shown.forEach(remove);
    Object.assign(req.headers, Object.fromEntries(hidden));
    Object.assign(headersDistinct, Object.fromEntries(distinct));
    req.rawHeaders = rawHeaders;
  };
}
