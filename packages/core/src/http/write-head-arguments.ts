import type { ServerResponse } from 'node:http';

/** What `writeHead` was given, in whichever of its forms. */
export interface WriteHeadArguments {
  readonly status: number;
  readonly statusMessage: string | undefined;
  /**
   * Puts its headers on the response, as on-headers and newer versions of Node do: over those that are set, and a name
   * that comes twice in a list is sent twice. So there is one place to read the head from.
   */
  applyHeaders(res: ServerResponse): void;
  /** The arguments that are left then. */
  readonly withoutHeaders: readonly unknown[];
}

/** Undefined for what Node throws at. */
export function writeHeadArguments(args: readonly unknown[]): WriteHeadArguments | undefined {
  const [code, reason] = args;
  const statusMessage = typeof reason === 'string' ? reason : undefined;
  const headers = statusMessage === undefined ? (args[2] ?? reason) : args[2];
  const pairs = (Array.isArray(headers) ? pairsOf(headers) : Object.entries(headers ?? {}))?.filter(([name]) => name);
  if (pairs === undefined) return undefined;
  return {
    status: Math.trunc(Number(code)),
    statusMessage,
    applyHeaders(res) {
      if (Array.isArray(headers)) for (const [name] of pairs) res.removeHeader(name);
      for (const [name, value] of pairs) {
        if (Array.isArray(headers)) res.appendHeader(name, value as string | readonly string[]);
        else res.setHeader(name, value as string);
      }
    },
    withoutHeaders: statusMessage === undefined ? [code] : [code, statusMessage],
  };
}

function pairsOf(list: readonly unknown[]): [string, unknown][] | undefined {
  if (Array.isArray(list[0])) return list as [string, unknown][];
  if (list.length % 2 !== 0) return undefined;
  return Array.from({ length: list.length / 2 }, (_, at) => [list[2 * at] as string, list[2 * at + 1]]);
}
