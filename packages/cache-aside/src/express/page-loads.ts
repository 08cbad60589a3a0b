import type { IncomingHttpHeaders } from 'node:http';
import type { HttpRequest } from '@turnpike/core';
import type { Engine } from '../engine.ts';
import { type Lasting, longestLifeMs } from '../freshness.ts';
import { AbandonedLoad, type PageLoadContext, type PageLoader } from '../load.ts';
import { emitPage } from './events.ts';
import { lifetimeOf } from './lifetime.ts';
import { packPage, packVariants } from './page.ts';
import type { Refreshes } from './refresh.ts';
import { type Exchange, type Rendered, type Rendering, type RenderOptions, render } from './render.ts';
import { fieldRefusal, fieldsOf } from './storable.ts';
import { isWithin, union, variantOf } from './variants.ts';

/** What is looked for. */
export interface Sought {
  readonly url: string;
  /** By which its pages differ; undefined: what stands behind the URL itself. */
  readonly fields: readonly string[] | undefined;
  /** Of the request, as it came. */
  readonly headers: IncomingHttpHeaders;
}

/** What whoever waits for the handler itself wants to know of it. */
export interface Witness extends Pick<RenderOptions, 'onHead'> {
  /** It is about to run. */
  onBegin(rendering: Rendering): void;
  onRendered(rendered: Rendered, rendering: Rendering): void;
  /** Whether it has waited for others before. */
  hasWaited(): boolean;
}

/** Handlers as loaders of pages. */
export interface PageLoads {
  /** Runs the handler of a request, whose client gets its answer. */
  foreground(exchange: Exchange, sought: Sought, witness: Witness): PageLoader;
  /** Runs the route once more, for nobody but the cache. */
  background(req: HttpRequest, sought: Sought): PageLoader;
}

interface PageLoadsParts extends Pick<RenderOptions, 'isShared' | 'isAllowed' | 'otherwise'> {
  readonly engine: Engine;
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

/** By which fields the pages of a URL differ seldom changes. */
const FIELDS_LAST: Lasting = {
  ttlMs: 86_400_000,
  negativeTtlMs: 86_400_000,
  staleMs: 0,
  staleIfErrorMs: 0,
  jitter: 0.1,
};

/** With what was said of it outside of the cache, as its head left. */
async function asLeft(rendered: Rendered, { gate }: Rendering): Promise<Rendered> {
  if (rendered.kind === 'refused') return rendered;
  const { headers } = await gate.left;
  const lifetime = lifetimeOf({ headers }, rendered.lifetime.freshness);
  const why = fieldRefusal(headers);
  if (why !== undefined || lifetime === undefined) return { kind: 'refused', why: why ?? 'expired' };
  // A compression outside says that it looks at Accept-Encoding, and encodes each answer anew.
  const vary = fieldsOf(headers['vary']).filter((field) => field !== 'accept-encoding');
  return { ...rendered, lifetime, vary: union(rendered.vary, vary) };
}

export function createPageLoads({ engine, refreshes, tags, path, urlOf, ...rules }: PageLoadsParts): PageLoads {
  const { pages, maxBytes } = engine;

  const tagsOf = (req: HttpRequest): readonly string[] => {
    const named = tags(req);
    engine.check.tags(named);
    return [path(req), ...named];
  };

  /** What is stored of what was rendered, under a URL or under one of its variants. */
  const storing = async (
    rendered: Rendered,
    { url, fields, headers }: Sought,
    named: ReadonlySet<string>,
    context: PageLoadContext,
  ): Promise<Buffer | undefined> => {
    if (rendered.kind === 'refused') {
      emitPage(() => ({ type: 'page-refused', why: rendered.why }));
      const isFailure = rendered.why === 'error' || (rendered.why === 'truncated' && context.keeps);
      if (isFailure) throw new HandlerFailed('The handler answered with a 5xx, or broke off');
      context.passes(PASS_MS);
      return undefined;
    }
    const { recording, vary, lifetime } = rendered;
    const { freshness, ageMs } = lifetime;
    const payload = packPage({ recording, ageMs, bornMs: context.nowMs(), staleness: freshness });
    if (isWithin(vary, fields ?? [])) {
      context.lasts(freshness);
      if (fields !== undefined) void pages.admit(url, variantOf(fields, headers), longestLifeMs(freshness));
      return payload;
    }
    // Which of its variants this is, is known only now: it is put where the next will look, and then they are told where.
    const all = union(fields ?? [], vary);
    const own = { url, stamp: context.stamp, tags: named };
    await pages.put({ ...own, variant: variantOf(all, headers), payload, freshness });
    if (fields === undefined) {
      context.lasts(FIELDS_LAST);
      return packVariants(all);
    }
    await pages.put({ ...own, variant: undefined, payload: packVariants(all), freshness: FIELDS_LAST });
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

  return {
    foreground: (exchange, sought, witness) => async (context) => {
      const { named, name } = tagging(context);
      name(tagsOf(exchange.req));
      const rendering = render(exchange, {
        ...rules,
        maxBytes,
        signal: context.signal,
        onTags: name,
        onHead: witness.onHead,
      });
      witness.onBegin(rendering);
      rendering.begin();
      const rendered = await rendering.rendered.catch((error: unknown): Rendered => {
        // Who leads after another has broken off and breaks off, too: the others need not try one after the other.
        if (error instanceof AbandonedLoad && witness.hasWaited()) return { kind: 'refused', why: 'truncated' };
        throw error;
      });
      witness.onRendered(rendered, rendering);
      return storing(await asLeft(rendered, rendering), sought, named, context);
    },
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
            const asked = { ...sought, headers: { ...again.headers } };
            const rendering = render(
              { req: again, res, next },
              { ...rules, maxBytes, signal: context.signal, onTags: name, onHead: () => 'pass' },
            );
            reached = rendering;
            rendering.rendered
              .then(async (rendered) => storing(await asLeft(rendered, rendering), asked, named, context))
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
