import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http';
import { TurnpikeError } from './errors.ts';
import type { Next } from './middleware.ts';

/** A refusal, as told to the client: problem details for HTTP APIs (RFC 9457). */
export interface Problem {
  readonly status: number;
  /** Stable, and safe for a client to switch on. */
  readonly code: string;
  readonly detail: string;
  /** @default 'about:blank' */
  readonly type?: string;
  /** @default the status's own phrase */
  readonly title?: string;
  /** Headers of the answer, such as Retry-After. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the body (RFC 9457 §3.2). */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Answers, or hands on, a refusal. May be async: what it throws or rejects with goes to `next`. */
export type OnProblem = (
  problem: Problem,
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
) => void | Promise<void>;

/** The JSON body of a problem (RFC 9457 §3.1). */
export function problemBody(problem: Problem): Record<string, unknown> {
  const { status, code, detail, type = 'about:blank', title = STATUS_CODES[status] ?? 'Error', extensions } = problem;
  return { type, title, status, detail, code, ...extensions };
}

/** The default: answers with `application/problem+json`, never to be cached. */
export function writeProblem(problem: Problem, _req: IncomingMessage, res: ServerResponse, _next: Next): void {
  res.statusCode = problem.status;
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', 'application/problem+json');
  for (const [name, value] of Object.entries(problem.headers ?? {})) res.setHeader(name, value);
  res.end(JSON.stringify(problemBody(problem)));
}

/** A refusal on its way to the app's error middleware: `status` and `headers` are what Express and http-errors read. */
export class ProblemError extends TurnpikeError {
  override readonly status: number;
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(problem: Problem) {
    super('ERR_TURNPIKE_REFUSED', problem.detail);
    this.name = 'ProblemError';
    this.status = problem.status;
    this.problem = problem;
    this.headers = { 'Cache-Control': 'no-store', ...problem.headers };
  }
}

/** Instead of answering: hands the refusal to the app's own error middleware, as a `ProblemError`. */
export function passProblem(problem: Problem, _req: IncomingMessage, _res: ServerResponse, next: Next): void {
  next(new ProblemError(problem));
}
