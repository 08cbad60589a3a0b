import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

/** `caFile` is for a certificate that no public authority has signed; without it Node trusts those it knows. */
export const createTlsClient = (url: string, caFile?: string): Redis =>
  new Redis(url, {
    ...(caFile !== undefined && { tls: { ca: readFileSync(caFile) } }),
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
    socketTimeout: 2_000,
  });
