import type { ServerResponse } from 'node:http';
import type { HttpRequest, Next } from '@turnpike/core';
import { type Recording, record } from '@turnpike/core/http';
import { AbandonedLoad } from '../load.ts';
import { type Validators, hasConditions, hideConditions } from './conditional-headers.ts';
import { type Gate, openGate } from './gate.ts';
import { afterHangUp } from './hang-up.ts';
import { takeTags } from './page-tags.ts';
import type { Page, PageHead } from './page.ts';
import { type PersonalReads, watchPersonalReads } from './personal-reads.ts';
import type { Asked, Freshened, Judgement, Kept, Rules, Run } from './profile.ts';
import { type Head, type Refusal, fieldsOf } from './storable.ts';

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
      /** When its handler answered, by the server's time. */
      readonly bornMs: number;
      readonly kept: Kept;
      /** It is the basis of the run, which still holds. */
      readonly isValidated: boolean;
    }
  | {
      readonly kind: 'refused';
      readonly why: Refusal;
      readonly personal?: string;
      /** What the client gets: its handler has answered a question of the cache. */
      readonly instead?: Recording;
    };

/** What of an answer is known by its head. */
interface Verdict {
  /** What speaks against storing it. */
  readonly why: Refusal | undefined;
  /** It answers a question of the cache, not of the client: to be replaced. */
  readonly isToBeReplaced: boolean;
}

export interface RenderOptions {
  readonly maxBytes: number;
  /** Aborted when nobody waits for it any longer. */
  readonly signal: AbortSignal;
  readonly rules: Rules;
  readonly asked: Asked;
  /** The server's time, in ms. */
  readonly nowMs: () => number;
  /** How the handler is called: with the conditions of its client, or with those of a page, or with none. */
  readonly conditions: 'own' | Page | undefined;
  /** What is there already. */
  readonly held: PageHead | undefined;
  readonly onTags: (tags: string[]) => void;
  /** Is shown the head before it leaves. */
  readonly onHead: (head: Head, verdict: Verdict) => 'pass' | 'hold';
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

/** Sees to it that the answer of the handler goes to its client, and says what of it may be stored. */
export function render({ req, res, next }: Exchange, options: RenderOptions): Rendering {
  const { maxBytes, signal, rules, asked, nowMs, conditions, held, onTags, onHead } = options;
  const basis = conditions === 'own' ? undefined : conditions;
  const showConditions = conditions === 'own' ? () => undefined : hideConditions(req, validatorsOf(basis));
  const reads = rules.watchesReads ? watchPersonalReads(req, res) : UNWATCHED;
  const dropTags = takeTags(res, onTags);
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));

  let head: Head | undefined;
  let why: Refusal | undefined;
  let kept: Kept | undefined;
  let run: Run = { askedMs: nowMs(), answeredMs: 0, isConditional: conditions === 'own' && hasConditions(req), held };
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

  const refused = (because: Refusal): Rendered & { kind: 'refused' } => {
    why = because;
    const { seen } = reads;
    return { kind: 'refused', why: because, ...(seen !== undefined && { personal: seen }) };
  };
  const refuse = (because: Refusal): void => tell(refused(because));

  /** Notes what becomes of an answer, as far as it is known. */
  const heed = (judgement: Judgement): void => {
    kept = judgement.kind === 'kept' ? judgement.kept : undefined;
    why = (judgement.kind === 'refused' ? judgement.why : undefined) ?? personalIf(reads);
  };
  const holds = ({ status }: Pick<Head, 'status'>): boolean => basis !== undefined && status === 304;

  const gate = openGate(res, {
    maxBytes,
    outside: reads.unwatched,
    onHead(given) {
      head = given;
      run = { ...run, answeredMs: nowMs() };
      if (holds(given)) return onHead(given, { why: undefined, isToBeReplaced: true });
      heed(asked.judge(given, run));
      // Those who wait for it need not wait for its end. An error may still be replaced.
      if (why !== undefined && why !== 'error') refuse(why);
      return onHead(given, { why, isToBeReplaced: false });
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
    ...(rules.isStored !== undefined && { isStored: rules.isStored }),
    onComplete({ recording }) {
      stopHiding();
      reads.stop();
      showConditions();
      dropTags();
      if (basis !== undefined && holds(recording)) tell(validated(basis, rules.freshened(basis, recording, run)));
      else tell(complete(recording));
      return gate.isHolding ? released : undefined;
    },
  });

  function complete(recording: Recording): Rendered {
    why ??=
      (recording.isOverCap ? 'too-large' : undefined) ??
      (isTruncated(recording, head) ? 'truncated' : undefined) ??
      personalIf(reads);
    if (why !== undefined || kept === undefined) return refused(why ?? 'expired');
    const vary = fieldsOf(head?.headers['vary']);
    const { answeredMs: bornMs } = run;
    return { kind: 'page', recording: rules.stored(recording, run), vary, bornMs, kept, isValidated: false };
  }

  function validated({ recording: { status } }: Page, { recording, ageMs }: Freshened): Rendered {
    const headers = headersOf(recording);
    heed(asked.judge({ status, headers }, { ...run, ageMs }));
    const stored = rules.stored(recording, run);
    if (why !== undefined || kept === undefined) return { ...refused(why ?? 'expired'), instead: stored };
    const vary = fieldsOf(headers['vary']);
    return { kind: 'page', recording: stored, vary, bornMs: run.answeredMs, kept, isValidated: true };
  }

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

const headersOf = ({ headers }: Recording): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), String(value)]));

/** RFC 9111 §4.3.1: what a page says of its version. */
function validatorsOf(page: Page | undefined): Validators {
  const { etag, 'last-modified': modified } = page === undefined ? {} : headersOf(page.recording);
  return {
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(modified !== undefined && { 'if-modified-since': modified }),
  };
}
