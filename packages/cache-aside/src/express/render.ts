import type { ServerResponse } from 'node:http';
import type { HttpRequest, Next } from '@turnpike/core';
import { type Recording, record } from '@turnpike/core/http';
import type { Lasting } from '../freshness.ts';
import { AbandonedLoad } from '../load.ts';
import { hideConditions } from './conditional-headers.ts';
import { type Gate, openGate } from './gate.ts';
import { afterHangUp } from './hang-up.ts';
import { type Lifetime, lifetimeOf } from './lifetime.ts';
import { takeTags } from './page-tags.ts';
import { type PersonalReads, watchPersonalReads } from './personal-reads.ts';
import { type Head, type Refusal, fieldsOf, headRefusal } from './storable.ts';

/** A request, as a middleware is given it. */
export interface Exchange {
  readonly req: HttpRequest;
  readonly res: ServerResponse;
  readonly next: Next;
}

/** An answer that may be stored, or why it may not. */
export type Rendered =
  | {
      readonly kind: 'page';
      readonly recording: Recording;
      /** The fields it varies by. */
      readonly vary: readonly string[];
      readonly lifetime: Lifetime;
    }
  | { readonly kind: 'refused'; readonly why: Refusal; readonly personal?: string };

export interface RenderOptions {
  readonly maxBytes: number;
  /** Aborted when nobody waits for it any longer. */
  readonly signal: AbortSignal;
  /** False: every user has pages of its own. */
  readonly isShared: boolean;
  readonly isAllowed: (status: number) => boolean;
  readonly otherwise: (status: number) => Lasting;
  readonly onTags: (tags: string[]) => void;
  /** Is shown the head before it leaves, with what speaks against storing it. */
  readonly onHead: (head: Head, why: Refusal | undefined) => 'pass' | 'hold';
}

/** A handler at work. */
export interface Rendering {
  /** Hands the request on. */
  begin(): void;
  /** Rejects with an `AbandonedLoad` when the client has gone, and the handler with it. */
  readonly rendered: Promise<Rendered>;
  /** Whether that is known. */
  readonly isKnown: boolean;
  readonly gate: Gate;
  /** Lets the end of the answer go: until then it is held back. */
  release(): void;
}

/** Statuses by which a server says that it has failed. */
const isServerError = (status: number): boolean => status >= 500;

/** Sees to it that the answer of the handler goes to its client, and says what of it may be stored. */
export function render({ req, res, next }: Exchange, options: RenderOptions): Rendering {
  const { maxBytes, signal, isShared, isAllowed, otherwise, onTags, onHead } = options;
  const showConditions = hideConditions(req);
  const reads = isShared ? watchPersonalReads(req, res) : UNWATCHED;
  const dropTags = takeTags(res, onTags);
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));

  let head: Head | undefined;
  let why: Refusal | undefined;
  let lifetime: Lifetime | undefined;
  let tell: (rendered: Rendered) => void = () => undefined;
  let giveUp: (error: Error) => void = () => undefined;
  let isKnown = false;
  const rendered = new Promise<Rendered>((resolve, reject) => {
    giveUp = reject;
    tell = (what) => {
      isKnown = true;
      resolve(what);
    };
  });

  const refuse = (because: Refusal): void => {
    why = because;
    const { seen } = reads;
    tell({ kind: 'refused', why: because, ...(seen !== undefined && { personal: seen }) });
  };

  const gate = openGate(res, {
    maxBytes,
    outside: reads.unwatched,
    onHead(given) {
      head = given;
      lifetime = lifetimeOf(given, otherwise(given.status));
      const isError = isServerError(given.status) && !isAllowed(given.status);
      why = isError
        ? 'error'
        : (headRefusal(given, isAllowed) ?? (lifetime ? undefined : 'expired') ?? personalIf(reads));
      // Those who wait for it need not wait for its end. An error may still be replaced.
      if (why !== undefined && why !== 'error') refuse(why);
      return onHead(given, why);
    },
    onOverCap: () => refuse(why ?? 'too-large'),
  });
  const stopHiding = afterHangUp(req, res, {
    gate,
    signal,
    isWanted: () => why === undefined && !signal.aborted,
    onDestroyed: () => refuse(why ?? 'truncated'),
    onGone: () => giveUp(new AbandonedLoad('The client has gone, and the handler with it')),
  });
  record(res, {
    maxBytes,
    onComplete({ recording }) {
      stopHiding();
      reads.stop();
      showConditions();
      dropTags();
      why ??=
        (recording.isOverCap ? 'too-large' : undefined) ??
        (isTruncated(recording, head) ? 'truncated' : undefined) ??
        personalIf(reads);
      if (why !== undefined || lifetime === undefined) refuse(why ?? 'expired');
      else tell({ kind: 'page', recording: withoutAge(recording), vary: fieldsOf(head?.headers['vary']), lifetime });
      return gate.isHolding ? released : undefined;
    },
  });
  return {
    begin: next,
    rendered,
    get isKnown() {
      return isKnown;
    },
    gate,
    release,
  };
}

const personalIf = ({ seen }: PersonalReads): Refusal | undefined => (seen === undefined ? undefined : 'personal');

const UNWATCHED: PersonalReads = { seen: undefined, unwatched: (call) => call(), stop: () => undefined };

const isTruncated = ({ body }: Recording, head: Head | undefined): boolean => {
  const promised = head?.headers['content-length'];
  return body !== undefined && promised !== undefined && Number(promised) !== body.length;
};

/** Its age is told anew, and what caches said of this answer does not hold for the next. */
const withoutAge = (recording: Recording): Recording => ({
  ...recording,
  headers: recording.headers.filter(([name]) => !/^(?:age|cache-status)$/i.test(name)),
});
