import { subscribe } from 'node:diagnostics_channel';
import { metrics } from '@opentelemetry/api';
import type { RateLimitEvent } from '@turnpike/rate-limit';

const decisions = metrics.getMeter('turnpike').createCounter('rate_limit.decisions');
subscribe('turnpike:rate-limit', (message) => {
  const { policy, type, by } = message as RateLimitEvent;
  decisions.add(1, { policy, type, by });
});
