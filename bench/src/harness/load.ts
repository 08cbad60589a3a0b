import autocannon from 'autocannon';
import type { Call } from './http.ts';

/** What is sent to a contender again and again. */
export interface Load {
  /** The request, or the n-th of requests that are all different. */
  readonly call: Call | ((n: number) => Call);
  /** What each of them is to be answered with. */
  readonly status: number;
  /** @default 100 */
  readonly connections?: number;
}

/** How the answers to one burst of requests came. */
export interface Burst {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Enough to keep the app busy: one that waits for its next request handles each by itself, and pays for every wait. */
const CONNECTIONS = 100;

export const callOf = ({ call }: Load, n: number): Call => (typeof call === 'function' ? call(n) : call);

const requestOf = ({ method = 'GET', path, headers = {}, body }: Call): autocannon.Request => ({
  method,
  path,
  headers,
  ...(body !== undefined && { body }),
});

/**
 * Sends `amount` requests over keep-alive connections, each the next one as soon as it has its answer. `first` numbers
 * the first of them.
 *
 * @throws Error when an answer had another status, or none came
 */
export async function burst(url: string, load: Load, amount: number, first: number): Promise<Burst> {
  const { call, status, connections = CONNECTIONS } = load;
  let n = first;
  const request: autocannon.Request =
    typeof call === 'function'
      ? // Over what it is given, where the host is.
        { setupRequest: (defaults) => ({ ...defaults, ...requestOf(call(n++)) }) }
      : requestOf(call);
  const startedAt = performance.now();
  const result = await autocannon({
    url,
    connections: Math.min(connections, amount),
    amount,
    requests: [request],
    // It ends with a sample: by default up to a second late.
    sampleInt: 20,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const counts = new Map(
    Object.entries(result.statusCodeStats ?? {}).map(([code, { count = 0 }]) => [Number(code), count]),
  );
  const answered = counts.get(status) ?? 0;
  if (answered !== amount) {
    const statuses = [...counts].map(([code, count]) => `${count} × ${code}`);
    throw new Error(`${answered} of ${amount} answers were ${status}: ${statuses.join(', ')}, ${result.errors} errors`);
  }
  return { perSecond: amount / seconds, p50Ms: result.latency.p50, p99Ms: result.latency.p99 };
}
