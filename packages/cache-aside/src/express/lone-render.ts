import type { HttpRequest } from '@turnpike/core';
import type { Engine } from '../engine.ts';
import type { Lasting } from '../freshness.ts';
import type { Start } from '../load.ts';
import { asLeft } from './as-left.ts';
import { emitPage } from './events.ts';
import { pageIn } from './found-page.ts';
import type { PagePuts } from './page-puts.ts';
import type { Alone, Rules } from './profile.ts';
import { type Exchange, render } from './render.ts';
import type { Sought, Witness } from './sought.ts';
import type { Head, Refusal } from './storable.ts';

/**
 * Runs the handler of a request without a lease, for its client, and stores what is to be stored of its answer. False: the handler
 * has failed.
 */
export type LoneRender = (
  exchange: Exchange,
  sought: Sought,
  witness: Witness,
  start: Start,
  how: Alone,
) => Promise<boolean>;

interface LoneRenderParts {
  readonly engine: Engine;
  readonly rules: Rules;
  readonly puts: PagePuts;
  readonly tagsOf: (req: HttpRequest) => readonly string[];
}

/** What says of a page that it is no longer as it is stored: whoever asked. */
const SUPERSEDING: ReadonlySet<Refusal> = new Set(['no-store', 'private', 'no-cache', 'vary', 'expired']);

/** A page that is to go. */
const GONE: Lasting = { ttlMs: 1, negativeTtlMs: 1, staleMs: 0, staleIfErrorMs: 0, jitter: 0 };

export function createLoneRender({ engine, rules, puts, tagsOf }: LoneRenderParts): LoneRender {
  const { maxBytes } = engine;
  return async function renderAlone(exchange, sought, witness, start, how) {
    const named = new Set<string>();
    const name = (more: readonly string[]): void => {
      engine.check.tags(more);
      for (const tag of more) named.add(tag);
    };
    name(tagsOf(exchange.req));
    const { asked } = sought;
    const { nowMs, stamp } = start;
    const held = pageIn(start);
    const askedMs = nowMs();
    let said: Head | undefined;
    const rendering = render(exchange, {
      // Nobody but its client waits for it.
      signal: AbortSignal.abort(),
      conditions: how.kind === 'basis' ? how.basis : 'own',
      nowMs,
      held,
      rules,
      asked,
      maxBytes,
      onTags: name,
      onHead(head, verdict) {
        said = head;
        return witness.onHead(head, verdict);
      },
    });
    witness.onBegin(rendering);
    rendering.begin();
    const rendered = await rendering.rendered;
    witness.onRendered(rendered, rendering);
    const left = await asLeft(rendered, rendering, asked);
    if (left.kind === 'page') {
      const all = await puts.page(left, sought, named, start);
      if (all !== undefined) await puts.fields(all, sought.url, named, stamp);
      return true;
    }
    emitPage(() => ({ type: 'page-refused', why: left.why }));
    if (held !== undefined && SUPERSEDING.has(left.why)) {
      await puts.updated({ page: { ...held, mustValidate: true }, lasting: GONE }, sought, named, start);
    }
    if (left.why === 'method' && held !== undefined && said !== undefined) {
      const updated = rules.afterHead?.(held, said, { askedMs, answeredMs: nowMs() });
      if (updated !== undefined) await puts.updated(updated, sought, named, start);
    }
    return left.why !== 'error';
  };
}
