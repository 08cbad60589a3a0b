import type { IncomingHttpHeaders } from 'node:http';
import type { HttpRequest } from '@turnpike/core';
import type { Recording } from '@turnpike/core/http';
import type { Engine } from '../engine.ts';
import type { Stamp } from '../envelope.ts';
import { type Lasting, longestLifeMs } from '../freshness.ts';
import { AbandonedLoad, type PageLoadContext, type PageLoader, type Start } from '../load.ts';
import { emitPage } from './events.ts';
import { type Page, packPage, packVariants, pageHeadOf, unpack } from './page.ts';
import type { Alone, Asked, Rules, Updated } from './profile.ts';
import type { Refreshes } from './refresh.ts';
import { type Exchange, type Rendered, type Rendering, type RenderOptions, render } from './render.ts';
import { type Head, type Refusal, fieldsOf } from './storable.ts';
import { isWithin, union, variantOf } from './variants.ts';

/** What is looked for. */
export interface Sought {
  readonly url: string;
  /** By which its pages differ; undefined: what stands behind the URL itself. */
  readonly fields: readonly string[] | undefined;
  /** Of the request, as it came. */
  readonly headers: IncomingHttpHeaders;
  readonly asked: Asked;
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
  /** Runs the handler of a request without a lease, for its client, and stores what is to be stored. False: it has failed. */
  alone(exchange: Exchange, sought: Sought, witness: Witness, start: Start, how: Alone): Promise<boolean>;
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

/** By which fields the pages of a URL differ seldom changes. */
const FIELDS_LAST: Lasting = {
  ttlMs: 86_400_000,
  negativeTtlMs: 86_400_000,
  staleMs: 0,
  staleIfErrorMs: 0,
  jitter: 0.1,
};

/** What says of a page that it is no longer as it is stored: whoever asked. */
const SUPERSEDING: ReadonlySet<Refusal> = new Set(['no-store', 'private', 'no-cache', 'vary', 'expired']);

const GONE: Lasting = { ttlMs: 1, negativeTtlMs: 1, staleMs: 0, staleIfErrorMs: 0, jitter: 0 };

/** With what was said of it outside of the cache, as its head left. */
async function asLeft(rendered: Rendered, { gate }: Rendering, asked: Asked): Promise<Rendered> {
  if (rendered.kind === 'refused') return rendered;
  const head = await gate.left;
  const judgement = asked.judgeLeft(rendered.kept, head);
  if (judgement.kind === 'refused') return judgement;
  // A compression outside says that it looks at Accept-Encoding, and encodes each answer anew.
  const vary = fieldsOf(head.headers['vary']).filter((field) => field !== 'accept-encoding');
  return { ...rendered, kept: judgement.kept, vary: union(rendered.vary, vary) };
}

const isEncoded = ({ headers }: Recording): boolean => headers.some(([name]) => /^content-encoding$/i.test(name));

/** The page that is there. */
export function pageIn({ kept }: Start): Page | undefined {
  try {
    const stored = kept && pageHeadOf(kept) && unpack(kept.payload);
    return stored?.kind === 'page' ? stored.page : undefined;
  } catch {
    return undefined;
  }
}

export function createPageLoads({ engine, refreshes, rules, tags, path, urlOf }: PageLoadsParts): PageLoads {
  const { pages, maxBytes } = engine;

  const tagsOf = (req: HttpRequest): readonly string[] => {
    const named = tags(req);
    engine.check.tags(named);
    return [path(req), ...named];
  };

  /** Stores a page where the next will look for it; says by which fields, where those are not known there yet. */
  const put = async (
    { recording, vary, bornMs, isValidated, kept: { head, lasting } }: Rendered & { kind: 'page' },
    { url, fields, headers }: Sought,
    named: ReadonlySet<string>,
    { stamp, kept }: Start,
  ): Promise<readonly string[] | undefined> => {
    const isKnown = isWithin(vary, fields ?? []);
    const all = isKnown ? fields : union(fields ?? [], vary);
    const variant = all && variantOf(all, headers, rules.normal);
    const payload = packPage({ ...head, bornMs, recording });
    const inherits = isValidated ? kept : undefined;
    const isCompressed = isEncoded(recording);
    await pages.put({ url, variant, stamp, tags: named, inherits, payload, isCompressed, freshness: lasting });
    return isKnown ? undefined : all;
  };

  /** Says where the pages of a URL are. */
  const putFields = (fields: readonly string[], url: string, tags: ReadonlySet<string>, stamp: Stamp): Promise<void> =>
    pages.put({ url, variant: undefined, stamp, tags, payload: packVariants(fields), freshness: FIELDS_LAST });

  /** Stores what has become of a page that was there. */
  const putUpdated = async (
    updated: Updated | undefined,
    { url, fields, headers }: Sought,
    named: ReadonlySet<string>,
    { stamp, kept }: Start,
  ): Promise<void> => {
    if (updated === undefined) return;
    const { page, lasting } = updated;
    const variant = fields && variantOf(fields, headers, rules.normal);
    const own = { url, variant, stamp, tags: named, inherits: kept, isCompressed: isEncoded(page.recording) };
    await pages.put({ ...own, payload: packPage(page), freshness: lasting });
  };

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
    const all = await put(rendered, sought, named, context);
    if (all !== undefined && fields === undefined) {
      context.lasts(FIELDS_LAST);
      return packVariants(all);
    }
    if (all !== undefined) await putFields(all, url, named, context.stamp);
    context.passes(1);
    return undefined;
  };

  /** The tags of a page: those its request names, and those its handler will. */
  const tagging = (
    context: Pick<PageLoadContext, 'tag'>,
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
    async alone(exchange, sought, witness, start, how) {
      const { named, name } = tagging({ tag: (...more) => engine.check.tags(more) });
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
        const all = await put(left, sought, named, start);
        if (all !== undefined) await putFields(all, sought.url, named, stamp);
        return true;
      }
      emitPage(() => ({ type: 'page-refused', why: left.why }));
      if (held !== undefined && SUPERSEDING.has(left.why)) {
        await putUpdated({ page: { ...held, mustValidate: true }, lasting: GONE }, sought, named, start);
      }
      if (left.why === 'method' && held !== undefined && said !== undefined) {
        await putUpdated(rules.afterHead?.(held, said, { askedMs, answeredMs: nowMs() }), sought, named, start);
      }
      return left.why !== 'error';
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
