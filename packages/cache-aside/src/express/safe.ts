import type { TLSSocket } from 'node:tls';
import type { HttpRequest } from '@turnpike/core';
import { isStored } from '@turnpike/core/http';
import type { Lasting } from '../freshness.ts';
import { standingOf } from '../standing.ts';
import { directivesOf } from './cache-control.ts';
import { hasCredentials, unwatchedHeaders } from './credentials.ts';
import { dated } from './dated.ts';
import { mayHaveChanged } from './invalidation.ts';
import { type Lifetime, lifetimeOf } from './lifetime.ts';
import { namedUrls } from './named-urls.ts';
import { stalenessOf } from './page.ts';
import type { Asked, Judgement, Owner, Rules } from './profile.ts';
import { type Head, fieldRefusal, headRefusal } from './storable.ts';

/** Whose page it is: an id that is everybody's own, or `undefined` for a request that is not to be cached. */
export type ScopeOf = (
  req: HttpRequest,
) => string | number | null | undefined | Promise<string | number | null | undefined>;

interface SafeOptions {
  readonly scope: 'public' | ScopeOf | undefined;
  readonly isAllowed: (status: number) => boolean;
  /** How long a response lasts that does not say. */
  readonly otherwise: (status: number) => Lasting;
}

/** Never stale. */
const EXPIRED = { staleMs: 0, staleIfErrorMs: 0 };

/** What may be served to whoever asks, with no option at all: what is in doubt is not stored. */
export function safe({ scope, isAllowed, otherwise }: SafeOptions): Rules {
  const isAnyones = typeof scope !== 'function';

  /** 5xx: what a server says when it has failed. */
  const isError = (status: number): boolean => status >= 500 && !isAllowed(status);

  const judge = (head: Head): Judgement => {
    if (isError(head.status)) return { kind: 'refused', why: 'error' };
    const why = headRefusal(head, isAllowed);
    return why === undefined ? kept(lifetimeOf(head, otherwise(head.status))) : { kind: 'refused', why };
  };

  /** What all ask alike. */
  const asked: Asked = {
    isOnlyToLook: false,
    isOnlyIfStored: false,
    isDemanding: false,
    isAnyones,
    standing(look, mayRunAgain) {
      const unlessExpired = standingOf(look, EXPIRED);
      if (unlessExpired.kind === 'fresh' || look.entry === undefined) return unlessExpired;
      // What nobody can render behind it is not served stale.
      const staleness = stalenessOf(look.entry);
      return standingOf(look, mayRunAgain ? staleness : { ...staleness, staleMs: 0 });
    },
    mayShare: () => true,
    standsIn: () => false,
    alone: () => ({ kind: 'untouched' }),
    judge,
    judgeLeft({ lasting }, head) {
      const why = fieldRefusal(head.headers);
      return why === undefined ? kept(lifetimeOf(head, lasting)) : { kind: 'refused', why };
    },
  };

  return {
    ownerOf: (req) => ownerOf(req, scope),
    watchesReads: isAnyones,
    tellsForwards: false,
    isStored: (name, connection) => name === 'date' || isStored(name, connection),
    // Its age is told anew, and what caches said of this answer does not hold for the next.
    stored: (recording, { answeredMs }) => ({
      ...recording,
      headers: dated(
        recording.headers.filter(([name]) => !/^(?:age|cache-status)$/i.test(name)),
        answeredMs,
      ),
    }),
    freshened: ({ recording }) => ({ recording }),
    changed: (req, { status, headers }) => (mayHaveChanged(status) ? namedUrls(req, headers) : undefined),
    asked: (req) => (isOnlyToLook(req) ? { ...asked, isOnlyToLook: true } : asked),
  };
}

/** What brings nothing that others may have: a head, or what is not to be stored. */
const isOnlyToLook = (req: HttpRequest): boolean =>
  req.method === 'HEAD' || directivesOf(unwatchedHeaders(req)['cache-control']).has('no-store');

const kept = (lifetime: Lifetime | undefined): Judgement =>
  lifetime === undefined
    ? { kind: 'refused', why: 'expired' }
    : {
        kind: 'kept',
        kept: {
          lasting: lifetime.freshness,
          head: {
            ageMs: lifetime.ageMs,
            lifetimeMs: Infinity,
            staleness: lifetime.freshness,
            mustValidate: false,
            isStrict: false,
            canValidate: false,
          },
        },
      };

/** Whose page it is. */
function ownerOf(req: HttpRequest, scope: SafeOptions['scope']): Owner | Promise<Owner> {
  if (scope === 'public') return undefined;
  if (scope !== undefined) return ownerIn(req, scope);
  if (hasCredentials(req)) return { why: 'credentials' };
  return hasClientCertificate(req) ? { why: 'client-certificate' } : undefined;
}

async function ownerIn(req: HttpRequest, scope: ScopeOf): Promise<Owner> {
  const id = await scope(req);
  const isId = (typeof id === 'string' && !NOBODY.has(id)) || (typeof id === 'number' && Number.isFinite(id));
  return isId ? String(id) : { why: 'scope' };
}

/** Verified or not: it says who asks. */
function hasClientCertificate({ socket }: HttpRequest): boolean {
  const { getPeerCertificate } = socket as Partial<TLSSocket>;
  if (getPeerCertificate === undefined) return false;
  return Object.keys(Reflect.apply(getPeerCertificate, socket, []) ?? {}).length > 0;
}

/** What comes of writing down what is not there. */
const NOBODY: ReadonlySet<string> = new Set(['', 'undefined', 'null', 'NaN', '[object Object]']);
