import { type Problem, StoreError, writeProblem } from '@turnpike/rate-limit';
import { refusal } from '@turnpike/single-session';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { DatabaseAway } from './database/database.ts';

/** Answers with problem details (RFC 9457). */
export const refuse = (problem: Problem, req: Request, res: Response): void =>
  writeProblem(problem, req, res, () => undefined);

export const notFound: RequestHandler = (req, res) => refuse(NOT_FOUND, req, res);

/** Whatever went wrong, said as problem details and without a stack trace; what is not the client's fault is logged, without what the client sent. */
export const answerErrors: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  const problem = refusal(error) ?? problemOf(error);
  if (problem.status === 500) console.error(`${req.method} ${routeOf(req)}: ${nameOf(error)}`);
  refuse(problem, req, res);
};

function problemOf(error: unknown): Problem {
  if (error instanceof DatabaseAway || error instanceof StoreError) return AWAY;
  const status = statusOf(error);
  return status < 500 ? { status, code: 'bad_request', detail: 'This request cannot be read.' } : SERVER_ERROR;
}

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

/** The route as the app names it: a path may hold what identifies somebody. */
const routeOf = (req: Request): string => {
  const { route } = req as { route?: { path?: unknown } };
  return typeof route?.path === 'string' ? route.path : 'no route';
};

/** Its class and where it was thrown, not its message: that may quote what the client sent. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  const [, where = ''] = /\n\s+at (.+)/.exec(error.stack ?? '') ?? [];
  return `${error.name}${typeof code === 'string' ? ` (${code})` : ''} at ${where}`;
}

const NOT_FOUND: Problem = { status: 404, code: 'not_found', detail: 'There is nothing here.' };

const AWAY: Problem = {
  status: 503,
  code: 'unavailable',
  detail: 'A part of the shop is not there at the moment. Try again shortly.',
  headers: { 'Retry-After': '1' },
};

const SERVER_ERROR: Problem = { status: 500, code: 'internal_error', detail: 'Something went wrong here.' };
