import type { Clients } from '@turnpike/test-kit';
import { cacheResponse } from '../../src/express/index.ts';
import { type Rfc9111Options, rfc9111 } from '../../src/rfc9111/index.ts';
import type { Cached } from '../express/app.ts';

/** A shared cache as nobody has set it up. */
export const sharedCache = (
  clients: Pick<Clients, 'client' | 'prefix'>,
  more: { deadlineMs?: number; maxBytes?: number; loadTimeoutMs?: number; staleIfErrorMs?: number } = {},
  options: Rfc9111Options = {},
): Cached =>
  cacheResponse({
    redis: clients.client(),
    prefix: clients.prefix,
    profile: rfc9111(options),
    deadlineMs: 5000,
    ...more,
  });
