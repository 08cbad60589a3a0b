import type { HttpRequest } from '@turnpike/core';

/** The lines of a header; `name` in lower case. Where a request was put together by hand, there may be none but what they became. */
export function linesOf(req: HttpRequest, name: string): readonly string[] {
  const lines = linesNamed(req.rawHeaders, name) ?? req.headersDistinct[name];
  if (lines !== undefined) return lines;
  const joined = req.headers[name];
  return joined === undefined ? [] : [joined].flat();
}

/** Looked for and not looked up: Node would first make a table of all headers. */
function linesNamed(rawHeaders: readonly string[] = [], name: string): string[] | undefined {
  let lines: string[] | undefined;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [named, line] = [rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''];
    if (named.length === name.length && named.toLowerCase() === name) (lines ??= []).push(line);
  }
  return lines;
}
