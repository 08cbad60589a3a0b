import { AbandonedLoad } from '../load.ts';
import type { Place } from '../places.ts';
import type { Found } from '../reader.ts';
import { pageFound, storedIn } from './found-page.ts';
import { ALONE, ownRunOf } from './own-run.ts';
import { opened } from './page.ts';
import type { Sought } from './sought.ts';
import type { VisitParts } from './visit.ts';
import { type Visitor, isGone, tell } from './visitor.ts';

/**
 * There is nothing in a place that a request may be served: has its handler answer, or gives it the answer of another's. Resolves
 * to the fields by which the pages of its URL differ, if that is what came of it: then they are to be looked at.
 */
export async function miss(
  visitor: Visitor,
  sought: Sought,
  place: Place,
  looking: Found | Promise<Found>,
  { engine, loads, refreshes, rules, warn }: VisitParts,
): Promise<readonly string[] | undefined> {
  const { req, asked, mayRunAgain, startedAt } = visitor;
  const { fields } = sought;
  const run = ownRunOf(visitor, fields === undefined ? 'uri-miss' : 'vary-miss', { loads, rules, warn });
  if (asked.isOnlyToLook) {
    run.untouched({ kind: 'miss', fwd: 'request', why: undefined });
    return undefined;
  }
  let mistake: { readonly thrown: unknown } | undefined;
  const foreground = loads.foreground(visitor, sought, run.witness);
  const outcome = await engine.pageOf(
    {
      place,
      async loader(context) {
        // A client that has hung up while it waited leaves it to the next.
        if (isGone(visitor)) throw new AbandonedLoad('The handler is not to be called');
        if (context.kept !== undefined) run.fwd = asked.isDemanding ? 'request' : 'stale';
        try {
          return await foreground(context);
        } catch (thrown) {
          if (run.isCalled) throw thrown;
          mistake = { thrown };
          throw new AbandonedLoad('The handler could not be called');
        }
      },
      refresh: mayRunAgain && !refreshes.isFull ? loads.background(req, sought) : undefined,
      async alone(why, start) {
        if (run.isCalled || isGone(visitor) || asked.isOnlyIfStored) return ALONE;
        if (start !== undefined) return run.alone(sought, start);
        run.untouched(
          why === 'degraded' ? { kind: 'bypass', why: 'store' } : { kind: 'miss', fwd: run.fwd, why: undefined },
        );
        return ALONE;
      },
      tags: [],
      freshness: engine.freshness,
      open: opened,
      standing: (found) => asked.standing(found, mayRunAgain),
      startedAt,
    },
    looking,
  );
  if (mistake !== undefined) throw mistake.thrown;
  if (run.isCalled) {
    run.settle(outcome);
    return undefined;
  }
  if (isGone(visitor)) return undefined;
  const stored = storedIn(outcome);
  if (stored?.kind === 'variants' && fields === undefined) return stored.fields;
  const found = pageFound(outcome, stored, run.fwd);
  if (found !== undefined && (found.status.kind === 'hit' || asked.mayShare(found.page))) await tell(visitor, found);
  else if (asked.isOnlyIfStored) run.refuse();
  else run.untouched({ kind: 'miss', fwd: run.fwd, why: undefined });
  return undefined;
}
