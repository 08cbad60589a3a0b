import type { Refusal } from './storable.ts';

/** Why a request was not asked of the cache. */
export type Bypass = 'credentials' | 'client-certificate' | 'body' | 'host' | 'target' | 'scope' | 'store';

/** Where an answer comes from, and why (RFC 9211 §2). */
export type Status =
  | { readonly kind: 'hit'; readonly ttlMs: number }
  | { readonly kind: 'collapsed'; readonly fwd: Forwarded }
  | Miss
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'bypass'; readonly why: Bypass };

/** The handler was called. */
export interface Miss {
  readonly kind: 'miss';
  readonly fwd: Forwarded;
  readonly why: Refusal | undefined;
  /** What it answered. */
  readonly fwdStatus?: number;
  readonly isStored?: boolean;
}

/** Why the handler was called. */
export type Forwarded = 'uri-miss' | 'vary-miss' | 'stale' | 'request';

const NAME = 'turnpike';

/** The field, behind what caches nearer to the origin have said in it. */
export function cacheStatus(status: Status, before: unknown): string {
  const own = `${NAME}; ${parametersOf(status)}`;
  if (before === undefined) return own;
  const said: unknown[] = [before, own].flat();
  return said.filter((one) => typeof one === 'string' && one !== '').join(', ');
}

function parametersOf(status: Status): string {
  switch (status.kind) {
    case 'hit':
      return `hit; ttl=${status.ttlMs === 0 ? -1 : Math.floor(status.ttlMs / 1000)}`;
    case 'collapsed':
      return `fwd=${status.fwd}; collapsed`;
    case 'miss':
      return [
        `fwd=${status.fwd}`,
        ...(status.fwdStatus === undefined ? [] : [`fwd-status=${status.fwdStatus}`]),
        ...(status.isStored === true ? ['stored'] : []),
        ...(status.why === undefined ? [] : [`detail=${status.why}`]),
      ].join('; ');
    case 'unavailable':
      return 'detail=not-stored';
    default:
      return `fwd=bypass; detail=${status.why}`;
  }
}
