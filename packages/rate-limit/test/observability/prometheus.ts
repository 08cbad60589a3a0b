import { subscribe } from 'node:diagnostics_channel';
import type { RateLimitEvent } from '@turnpike/rate-limit';
import { Counter } from 'prom-client';

const decisions = new Counter({
  name: 'rate_limit_decisions_total',
  help: 'Decisions of the rate limiters',
  labelNames: ['policy', 'type', 'by'],
});
subscribe('turnpike:rate-limit', (message) => {
  const { policy, type, by } = message as RateLimitEvent;
  decisions.inc({ policy, type, by });
});
