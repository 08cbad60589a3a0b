import type { HttpRequest } from '@turnpike/core';

/** The lines of a header; `name` in lower case. Where a request was put together by hand, there are no lines but what they became. */
export function linesOf(req: HttpRequest, name: string): readonly string[] {
  const lines = req.headersDistinct[name];
  if (lines !== undefined) return lines;
  const joined = req.headers[name];
  return joined === undefined ? [] : [joined].flat();
}
