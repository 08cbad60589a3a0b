import { StoreError, type Warn } from '@turnpike/core';
import type { Engine } from '../engine.ts';
import type { Found } from '../reader.ts';
import { unwatchedHeaders } from './credentials.ts';
import { pageFound, storedIn } from './found-page.ts';
import { enter, isInside } from './inside.ts';
import { miss } from './miss.ts';
import { opened } from './page.ts';
import type { PageLoads } from './page-loads.ts';
import type { Rules } from './profile.ts';
import type { Refreshes } from './refresh.ts';
import type { Sought } from './sought.ts';
import { variantOf } from './variants.ts';
import { type Visitor, isGone, tell } from './visitor.ts';

export interface VisitParts {
  readonly engine: Engine;
  readonly loads: PageLoads;
  readonly refreshes: Refreshes;
  readonly rules: Rules;
  readonly warn: Warn;
}

/**
 * One request before the cache: answers with the page that is there, or else has the handler answer. For most of them it is, and
 * nothing is made that only a run of the handler needs. `fields`: by which the pages of its URL differ; undefined: what stands
 * behind the URL itself is looked at. Rejects with what is the app's error to show.
 */
export async function visit(visitor: Visitor, parts: VisitParts, fields?: readonly string[]): Promise<void> {
  const { engine, loads, refreshes, rules } = parts;
  const { req, next, url, asked, mayRunAgain } = visitor;
  const { freshness } = engine;
  const place = engine.places.page(url, fields && variantOf(fields, unwatchedHeaders(req), rules.normal));
  if (isInside(req, place.entryKey)) return next();

  let looking = engine.look(place);
  let found: Found | undefined;
  try {
    found = looking instanceof Promise ? await looking : looking;
  } catch (error) {
    // Redis is away: what becomes of that is said where handlers are called.
    if (!StoreError.isPassing(error)) throw error;
  }
  if (isGone(visitor)) return;
  const standing = found && asked.standing(found, mayRunAgain);
  if (found !== undefined && (standing?.kind === 'fresh' || standing?.kind === 'stale')) {
    const hit = engine.hit(standing, found, { place, freshness, open: opened });
    if (hit?.due !== undefined && mayRunAgain && !refreshes.isFull) {
      void engine.renew(
        { place, loader: loads.background(req, soughtBy(visitor, fields)), tags: [], freshness },
        found,
        hit.due,
      );
    }
    const stored = hit && storedIn(hit.outcome);
    if (stored?.kind === 'variants' && fields === undefined) return visit(visitor, parts, stored.fields);
    const page = hit && pageFound(hit.outcome, stored);
    if (page !== undefined) return tell(visitor, page);
    // What cannot be read is not there.
    looking = { ...found, entry: undefined, isValid: false };
  }

  enter(req, refreshes, place.entryKey);
  const differing = await miss(visitor, soughtBy(visitor, fields), place, looking, parts);
  if (differing !== undefined) await visit(visitor, parts, differing);
}

const soughtBy = ({ req, url, asked }: Visitor, fields: Sought['fields']): Sought => ({
  url,
  fields,
  // As they came: a run of the handler hides some of them.
  headers: { ...unwatchedHeaders(req) },
  asked,
});
