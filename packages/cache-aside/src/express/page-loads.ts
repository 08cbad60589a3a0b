import type { HttpRequest } from '@turnpike/core';
import type { Engine } from '../engine.ts';
import { longestLifeMs } from '../freshness.ts';
import { AbandonedLoad, type PageLoadContext, type PageLoader } from '../load.ts';
import { asLeft } from './as-left.ts';
import { emitPage } from './events.ts';
import { pageIn } from './found-page.ts';
import { type LoneRender, createLoneRender } from './lone-render.ts';
import { packPage, packVariants } from './page.ts';
import { FIELDS_LAST, createPagePuts, isEncoded } from './page-puts.ts';
import type { Rules } from './profile.ts';
import type { Refreshes } from './refresh.ts';
import { type Exchange, type Rendered, type Rendering, type RenderOptions, render } from './render.ts';
import type { Sought, Witness } from './sought.ts';
import { isWithin, variantOf } from './variants.ts';

/** Handlers as loaders of pages. */
export interface PageLoads {
  /** Runs the handler of a request, whose client gets its answer. */
  foreground(exchange: Exchange, sought: Sought, witness: Witness): PageLoader;
  /** Runs the route once more, for nobody but the cache. */
  background(req: HttpRequest, sought: Sought): PageLoader;
  readonly alone: LoneRender;
}

interface PageLoadsParts {
  readonly engine: Engine;
  readonly rules: Rules;
  readonly refreshes: Refreshes;
  readonly tags: (req: HttpRequest) => readonly string[];
  /** The tag of all pages of its path. */
  readonly path: (req: HttpRequest) => string;
  /** Of which page a request is that nobody has sent; undefined: of none. */
  readonly urlOf: (req: HttpRequest) => string | undefined;
}

/** The handler has answered that it failed: to be told from what it has nothing to store. */
class HandlerFailed extends Error {}

/** So long it is remembered that an answer was not to be stored, in ms: who asks meanwhile does not wait for others. */
const PASS_MS = 3000;

export function createPageLoads({ engine, refreshes, rules, tags, path, urlOf }: PageLoadsParts): PageLoads {
  const { pages, maxBytes } = engine;

  const tagsOf = (req: HttpRequest): readonly string[] => {
    const named = tags(req);
    engine.check.tags(named);
    return [path(req), ...named];
  };

  const puts = createPagePuts(pages, rules);

  /** What is stored of what was rendered, under a URL or under one of its variants. */
  const storing = async (
    rendered: Rendered,
    sought: Sought,
    named: ReadonlySet<string>,
    context: PageLoadContext,
  ): Promise<Buffer | undefined> => {
    if (rendered.kind === 'refused') {
      emitPage(() => ({ type: 'page-refused', why: rendered.why }));
      const isFailure = rendered.why === 'error' || (rendered.why === 'truncated' && context.kept !== undefined);
      if (isFailure) throw new HandlerFailed('The handler answered with a 5xx, or broke off');
      context.passes(PASS_MS);
      return undefined;
    }
    const { url, fields, headers } = sought;
    const { recording, vary, bornMs, kept } = rendered;
    // A handler that says that nothing has changed need not name again what its page depends on.
    if (rendered.isValidated && context.kept !== undefined) context.inherits(context.kept);
    if (isEncoded(recording)) context.isCompressed();
    if (isWithin(vary, fields ?? [])) {
      context.lasts(kept.lasting);
      if (fields !== undefined)
        void pages.admit(url, variantOf(fields, headers, rules.normal), longestLifeMs(kept.lasting));
      return packPage({ ...kept.head, bornMs, recording });
    }
    // Which of its variants this is, is known only now: it is put where the next will look, and then they are told where.
    const all = await puts.page(rendered, sought, named, context);
    if (all !== undefined && fields === undefined) {
      context.lasts(FIELDS_LAST);
      return packVariants(all);
    }
    if (all !== undefined) await puts.fields(all, url, named, context.stamp);
    context.passes(1);
    return undefined;
  };

  /** The tags of a page: those its request names, and those its handler will. */
  const tagging = (
    context: PageLoadContext,
  ): { named: ReadonlySet<string>; name: (more: readonly string[]) => void } => {
    const named = new Set<string>();
    return {
      named,
      name(more) {
        context.tag(...more);
        for (const tag of more) named.add(tag);
      },
    };
  };

  /** What a run is like that may find that the page which is there still holds. */
  const underLease = (context: PageLoadContext): Pick<RenderOptions, 'conditions' | 'held' | 'signal' | 'nowMs'> => {
    const { signal, nowMs } = context;
    const held = pageIn(context);
    return { signal, nowMs, held, conditions: held?.canValidate ? held : undefined };
  };

  return {
    foreground: (exchange, sought, witness) => async (context) => {
      const { named, name } = tagging(context);
      name(tagsOf(exchange.req));
      const { asked } = sought;
      const { onHead } = witness;
      const rendering = render(exchange, { ...underLease(context), rules, asked, maxBytes, onTags: name, onHead });
      witness.onBegin(rendering);
      rendering.begin();
      const rendered = await rendering.rendered.catch((error: unknown): Rendered => {
        // Who leads after another has broken off and breaks off, too: the others need not try one after the other.
        if (error instanceof AbandonedLoad && witness.hasWaited()) return { kind: 'refused', why: 'truncated' };
        throw error;
      });
      witness.onRendered(rendered, rendering);
      return storing(await asLeft(rendered, rendering, asked), sought, named, context);
    },
    alone: createLoneRender({ engine, rules, puts, tagsOf }),
    background: (req, sought) => (context) =>
      new Promise((resolve, reject) => {
        if (refreshes.isFull) return reject(new AbandonedLoad('As many pages are rendered in the background as may'));
        const { named, name } = tagging(context);
        // What its own request names: the run has not all of its headers.
        name(tagsOf(req));
        let reached: Rendering | undefined;
        refreshes.begin(req, sought.fields ?? [], context.signal, {
          onReached(again, res, next) {
            // Something in front may take it for another page, for want of what its client had said.
            if (urlOf(again) !== sought.url) {
              reject(new HandlerFailed('The route was asked for another page'));
              return next();
            }
            try {
              name(tagsOf(again));
            } catch (thrown) {
              // What a page depends on has to be known, or no change would reach it.
              reject(thrown);
              return next();
            }
            // As it is asked now: what was not handed on may make another variant.
            const asked = rules.asked(again);
            const soughtAgain = { ...sought, asked, headers: { ...again.headers } };
            const rendering = render(
              { req: again, res, next },
              { ...underLease(context), rules, asked, maxBytes, onTags: name, onHead: () => 'pass' },
            );
            reached = rendering;
            rendering.rendered
              .then(async (rendered) => storing(await asLeft(rendered, rendering, asked), soughtAgain, named, context))
              .then(resolve, reject);
            rendering.begin();
          },
          onEnded() {
            // Something outside has answered, or the handler has broken off.
            if (!reached?.isKnown) reject(new HandlerFailed('The route gave no answer in the background'));
          },
        });
      }),
  };
}
