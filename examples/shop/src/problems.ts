import { type Problem, writeProblem } from '@turnpike/rate-limit';
import { refusal } from '@turnpike/single-session';
import type { ErrorRequestHandler } from 'express';

/** Whatever went wrong, said as problem details and without a stack trace; what is not the client's fault is logged. */
export const answerErrors: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  const problem = refusal(error) ?? problemOf(statusOf(error));
  if (problem.status === 500) console.error(error);
  writeProblem(problem, req, res, next);
};

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

const serverError: Problem = {
  status: 500,
  code: 'internal_error',
  detail: 'Something went wrong here.',
};

const problemOf = (status: number): Problem =>
  status < 500 ? { status, code: 'bad_request', detail: 'This request cannot be read.' } : serverError;
