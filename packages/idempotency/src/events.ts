import { eventsOf } from '@turnpike/core';

/** On the diagnostics channel `turnpike:idempotency`: what a claim was answered, and what came of a run. */
export interface IdempotencyEvent {
  readonly type:
    | 'run'
    | 'rerun'
    | 'replay'
    | 'in-flight'
    | 'mismatch'
    | 'in-doubt'
    | 'unavailable'
    | 'unprotected'
    | 'kept'
    | 'released'
    | 'doubted'
    | 'not-stored'
    | 'fenced'
    | 'expired';
}

export const emit: (make: () => IdempotencyEvent) => void = eventsOf<IdempotencyEvent>('idempotency');
