/** One request. */
export interface Call {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came of it. */
interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends one request to the app of a contender. */
export type Http = (call: Call) => Promise<Reply>;

export const httpTo =
  (url: string): Http =>
  async ({ method = 'GET', path, headers = {}, body }) => {
    const response = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) });
    return { status: response.status, headers: response.headers, body: await response.text() };
  };

/** @throws Error with `what`, unless `holds` */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
