export { OptionError, StoreError, TurnpikeError, passProblem, writeProblem } from '@turnpike/core';
export type { ErrorCode, Middleware, OnProblem, Problem, RedisClient } from '@turnpike/core';
export type { HeaderDialect } from './headers.ts';
export { createRateLimiter } from './limiter.ts';
export type { Decision, RateLimitEvent, RateLimiter, RateLimiterOptions } from './limiter.ts';
export { rateLimit } from './middleware.ts';
export type { RateLimitMiddleware, RateLimitOptions } from './middleware.ts';
export type { Algorithm, Policy } from './policy.ts';
