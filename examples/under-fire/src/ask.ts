import { Agent, request } from 'node:http';

/** One of the processes that serve the app. */
export interface Target {
  /** No two processes have the same, one after the other neither. */
  readonly instance: number;
  readonly port: number;
}

export interface Answer {
  /** 0 when the connection broke, or nothing came. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Asked {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly token?: string;
  readonly key?: string;
  readonly body?: object;
}

/** After so long nothing will come. */
const GIVE_UP_MS = 15_000;

/** As one visitor of one name, whichever process serves it: a page of one is a page of all. */
const NAME = 'under-fire.test';

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Never rejects. */
export function ask({ port }: Target, path: string, { method = 'GET', token, key, body }: Asked = {}): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    Host: NAME,
    ...(text !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(key !== undefined && { 'Idempotency-Key': key }),
  };
  return new Promise((resolve) => {
    const nothing = (): void => resolve({ status: 0, headers: {}, json: {} });
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent, timeout: GIVE_UP_MS }, (res) => {
      let said = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => (said += chunk));
      res.on('error', nothing);
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, json: parsed(said) }));
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', nothing);
    sent.end(text);
  });
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Ends the connections that are kept open. */
export const hangUp = (): void => agent.destroy();
