import { subscribe } from 'node:diagnostics_channel';
import type { CacheEvent } from '@turnpike/cache-aside';
import type { IdempotencyEvent } from '@turnpike/idempotency';
import type { RateLimitEvent } from '@turnpike/rate-limit';
import type { SingleSessionEvent } from '@turnpike/single-session';

const UNPROTECTED: readonly string[] = ['unavailable', 'unprotected', 'not-stored', 'fenced', 'expired'];

/** Counts what should not happen, by a label of a few words. */
export function watch(count: (label: string) => void): void {
  subscribe('turnpike:rate-limit', (message) => {
    const { degraded, by } = message as RateLimitEvent;
    if (degraded) count(`rate-limit decided by ${by}`);
  });
  subscribe('turnpike:single-session', (message) => {
    const { type, reason } = message as SingleSessionEvent;
    if (type === 'degraded') count('session believed by its token alone');
    if (reason === 'refresh_reused') count('refresh token used twice');
  });
  subscribe('turnpike:idempotency', (message) => {
    const { type } = message as IdempotencyEvent;
    if (UNPROTECTED.includes(type)) count(`idempotency ${type}`);
  });
  subscribe('turnpike:cache-aside', (message) => {
    const event = message as CacheEvent;
    if (event.type === 'alone' && event.why === 'degraded') count('cache passed by');
    if (event.type === 'queued') count('invalidation waits');
  });
  process.on('warning', (warning: Error & { code?: string }) => {
    if (warning.code?.startsWith('TURNPIKE_WARN_')) count(warning.code);
  });
}
