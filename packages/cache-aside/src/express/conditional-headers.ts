import type { IncomingMessage } from 'node:http';
import type { Conditions } from './conditional.ts';

const FIELDS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range'];

export const conditionsOf = ({ headers }: IncomingMessage): Conditions => ({
  'if-none-match': headers['if-none-match'],
  'if-modified-since': headers['if-modified-since'],
  'if-range': headers['if-range']?.toString(),
  range: headers.range,
});

export const isConditional = (conditions: Conditions): boolean =>
  Object.values(conditions).some((value) => value !== undefined);

/** Takes the fields out of a request that would make a part of an answer of it, or none, until the function returned is called. */
export function hideConditions(req: IncomingMessage): () => void {
  const hidden = FIELDS.flatMap((field) => (field in req.headers ? [[field, req.headers[field]] as const] : []));
  if (hidden.length === 0) return () => undefined;
  const { rawHeaders } = req;
  // Node makes this one of the raw headers, by a count of its own: it has to be made before those are fewer.
  const { headersDistinct } = req;
  const distinct = hidden.map(([field]) => [field, headersDistinct[field]] as const);
  for (const [field] of hidden) {
    Reflect.deleteProperty(req.headers, field);
    Reflect.deleteProperty(headersDistinct, field);
  }
  req.rawHeaders = rawHeaders.filter((_, at) => !FIELDS.includes((rawHeaders[at - (at % 2)] ?? '').toLowerCase()));
  return function restore() {
    Object.assign(req.headers, Object.fromEntries(hidden));
    Object.assign(headersDistinct, Object.fromEntries(distinct));
    req.rawHeaders = rawHeaders;
  };
}
