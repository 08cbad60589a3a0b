import { type Problem, writeProblem } from '@turnpike/rate-limit';
import type { ErrorRequestHandler } from 'express';

/** Whatever went wrong, said as problem details and without a stack trace; what is not the client's fault is logged. */
export const answerErrors: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  const status = statusOf(error);
  if (status >= 500) console.error(error);
  writeProblem(status < 500 ? clientError(status) : serverError, req, res, next);
};

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

const clientError = (status: number): Problem => ({
  status,
  code: 'bad_request',
  detail: 'This request cannot be read.',
});

const serverError: Problem = {
  status: 500,
  code: 'internal_error',
  detail: 'Something went wrong here. Nothing was changed.',
};
