import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type HttpRequest,
  type Middleware,
  type Next,
  type Problem,
  asError,
  attachment,
  isolated,
} from '@turnpike/core';
import { type Recording, packRecording, record, replay, unpackRecording } from '@turnpike/core/http';
import { digest } from './digest.ts';
import { BodyError, fingerprint } from './fingerprint.ts';
import { identityOf, named } from './identity.ts';
import { linesOf } from './header-lines.ts';
import { type KeyHeader, keyFrom } from './key-header.ts';
import { recordingOf } from './known-answer.ts';
import { type Ask, type Claim, type Doubt, type Ledger, createLedger } from './ledger.ts';
import { type IdempotencyOptions, checkedOptions } from './options.ts';
import type { OutcomeWord } from './outcome.ts';
import {
  inFlight,
  malformed,
  mismatch,
  missing,
  notCanonical,
  notKept,
  outcomeUnknown,
  unavailable,
} from './refusal.ts';
import type { Run } from './run.ts';
import { type Patience, untilFinished } from './until-finished.ts';

/** The run of a request, as its handler sees it. */
export interface IdempotentRun {
  /**
   * A stable name of what is to be done, 43 characters, for a UNIQUE column: the same for every retry, other for everything
   * else. Of a request without a key, a random one.
   */
  readonly id: string;
  /**
   * Rises with every run of an identity, in µs of the server's time or above: a store that keeps it can refuse an older run.
   * 0 when unprotected.
   */
  readonly fence: number;
  /** False where Redis did not say that this is the only run: without a key, and under `onStoreError: 'allow'`. */
  readonly isProtected: boolean;
  /** Aborted after `maxRunMs`, and when another run has taken over. */
  readonly signal: AbortSignal;
  /**
   * Says that nothing has happened: whatever the answer will be, a retry runs again. It counts once there is an answer, and
   * for this run: one before it that is in doubt stays so.
   */
  release(): void;
}

/** The middleware, with the run of a request and the claims without HTTP. */
export interface IdempotencyMiddleware extends Middleware {
  /**
   * The run of this request.
   *
   * @throws TurnpikeError `ERR_TURNPIKE_NOT_MOUNTED` when this middleware did not run for it
   */
  of(req: IncomingMessage): IdempotentRun;
  readonly ledger: Ledger;
}

/** What is to become of a request. */
type Decision =
  | { readonly kind: 'pass' }
  | { readonly kind: 'run'; readonly id: string; readonly run: Run }
  | { readonly kind: 'replay'; readonly recording: Recording }
  | { readonly kind: 'refuse'; readonly problem: Problem };

const refuse = (problem: Problem): Decision => ({ kind: 'refuse', problem });

/**
 * Runs a request once, and gives its retries the first answer (draft-ietf-httpapi-idempotency-key-header-07). The answer is
 * stored before its last byte leaves, so whoever has it will have it again.
 *
 * Redis can lose what it holds. What must never happen twice needs `once.of(req).id` in a UNIQUE column, too.
 *
 * @throws OptionError when an option breaks its rule
 */
export function idempotency(options: IdempotencyOptions): IdempotencyMiddleware {
  const {
    scope,
    methods,
    key,
    required,
    whileInFlight,
    waitMs,
    outcome,
    onInDoubt,
    maxBytes,
    prefix,
    onProblem,
    ...rest
  } = checkedOptions(options);
  const ledger = createLedger({ ...rest, prefix });
  const printOf = fingerprint(rest.fingerprint);
  const runs = attachment<IdempotentRun>('idempotency');

  /** What a UNIQUE column is given. A derived key comes again when its record has gone, for another thing to be done. */
  const idOf = (id: string, { bornUs }: Pick<Run, 'bornUs'>): string =>
    key === undefined ? id : digest([id, String(bornUs)]);

  const ask = async (req: HttpRequest, isGone: () => boolean): Promise<Decision> => {
    if (!methods.includes(req.method ?? '')) return { kind: 'pass' };
    const header = key === undefined ? keyFrom(linesOf(req, 'idempotency-key')) : derivedKey(await key(req));
    if (header.kind === 'malformed') return refuse(malformed(header.why));
    if (header.kind === 'missing') return required ? refuse(missing) : { kind: 'pass' };
    const caller = scope === 'public' ? undefined : named('scope', await scope(req), 'ERR_TURNPIKE_SCOPE');
    const id = identityOf(req, { prefix, scope: caller, key: header.key });
    const print = printOf(req, header.key);
    const patience = { givesUpAt: performance.now() + waitMs, isGone };
    const said = await claim({ id, print, takeOver: onInDoubt === 'rerun' ? 'any' : 'none' }, patience);
    return said.kind === 'in-doubt' ? consult(req, said.doubt, { id, print }, patience) : decisionOn(said, id);
  };

  const claim = (question: Ask, patience: Patience): Promise<Claim> => {
    const first = ledger.claim(question);
    if (whileInFlight === 'conflict') return first;
    return untilFinished(first, () => ledger.claim({ ...question, isWaiting: true }), patience);
  };

  /** Asks the app what became of a run that nobody here knows of. */
  const consult = async (req: HttpRequest, doubt: Doubt, question: Ask, patience: Patience): Promise<Decision> => {
    const { id } = question;
    if (typeof onInDoubt !== 'function') return refuse(outcomeUnknown(doubt.status));
    const known = await onInDoubt({ id: idOf(id, doubt), fence: doubt.fence, firstStatus: doubt.status }, req);
    if (known === 'unknown') return refuse(outcomeUnknown(doubt.status));
    if (known === 'not-done')
      return decisionOn(await claim({ ...question, takeOver: doubt.fence, isWaiting: true }, patience), id);
    const recording = recordingOf(known);
    if (await ledger.resolve(id, doubt, packRecording(recording))) return { kind: 'replay', recording };
    // It has ended otherwise meanwhile, and what is stored is the answer; or Redis is not there to say.
    const now = await claim({ ...question, isWaiting: true }, patience);
    if (now.kind === 'replay') return decisionOn(now, id);
    if (now.kind === 'run') await now.run.keep(recording.status, packRecording(recording));
    return { kind: 'replay', recording };
  };

  const decisionOn = (claim: Claim, id: string): Decision => {
    switch (claim.kind) {
      case 'run':
        return { kind: 'run', id: idOf(id, claim.run), run: claim.run };
      case 'replay':
        return replayOf(unpackRecording(claim.answer));
      case 'in-flight':
        return refuse(inFlight(claim.retryAfterMs));
      case 'in-doubt':
        return refuse(outcomeUnknown(claim.doubt.status));
      case 'mismatch':
        return refuse(mismatch);
      default:
        return refuse(unavailable);
    }
  };

  /** An outcome that throws, or says something else, says nothing of what happened. */
  const wordFor = (status: number): OutcomeWord => {
    let word: OutcomeWord = 'in-doubt';
    isolated(() => {
      const said = outcome(status);
      if (!Object.hasOwn(FINISH, said)) throw new TypeError(`outcome gave no word that is known for ${status}`);
      word = said;
    });
    return word;
  };

  /** Lets the handler run, and says what came of it before the last byte of its answer leaves. */
  const start = (id: string, run: Run, req: IncomingMessage, res: ServerResponse): void => {
    let isReleased = false;
    const { fence, isProtected, signal } = run;
    runs.attach(req, { id, fence, isProtected, signal, release: () => void (isReleased = true) });
    if (!isProtected) res.setHeader('Idempotent-Unprotected', 'true');
    record(res, {
      maxBytes,
      onComplete({ recording }) {
        return FINISH[isReleased ? 'release' : wordFor(recording.status)](run, recording);
      },
    });
  };

  /** Tells what was decided; true when the handler is to run. */
  const answer = async (
    decision: Decision,
    req: IncomingMessage,
    res: ServerResponse,
    next: Next,
  ): Promise<boolean> => {
    // Somebody has answered meanwhile, a time-out perhaps: what has not begun is not begun.
    if (res.headersSent) {
      if (decision.kind === 'run') await decision.run.release();
      return false;
    }
    switch (decision.kind) {
      case 'pass':
        runs.attach(req, keyless());
        return true;
      case 'run':
        start(decision.id, decision.run, req, res);
        return true;
      case 'replay':
        res.setHeader('Idempotent-Replayed', 'true');
        await replay(decision.recording, req, res);
        return false;
      default:
        await onProblem(decision.problem, req, res, next);
        return false;
    }
  };

  function idempotencyMiddleware(req: IncomingMessage, res: ServerResponse, next: Next): void {
    // Mounted twice, it would find its own run in flight.
    if (runs.find(req) !== undefined) return next();
    ask(req, () => res.destroyed || req.socket.destroyed)
      .then(
        (decision) => answer(decision, req, res, next),
        (thrown: unknown) => answer(unreadable(thrown), req, res, next),
      )
      .then(
        (goesOn) => void (goesOn && next()),
        (thrown: unknown) => next(asError(thrown)),
      );
  }

  return Object.assign(idempotencyMiddleware, { of: runs.of, ledger });
}

/** What each word does with a run. */
const FINISH: Readonly<Record<OutcomeWord, (run: Run, recording: Recording) => Promise<void>>> = {
  keep: (run, recording) => run.keep(recording.status, packRecording(recording)),
  release: (run) => run.release(),
  'in-doubt': (run, { status }) => run.doubt(status),
};

function replayOf(recording: Recording): Decision {
  if (!recording.isOverCap) return { kind: 'replay', recording };
  const [, location] = recording.headers.find(([name]) => name.toLowerCase() === 'location') ?? [];
  return refuse(notKept(recording.status, location === undefined ? undefined : String(location)));
}

const derivedKey = (given: unknown): KeyHeader => ({ kind: 'key', key: named('key', given, 'ERR_TURNPIKE_KEY') });

function unreadable(thrown: unknown): Decision {
  if (thrown instanceof BodyError) return refuse(notCanonical);
  throw thrown;
}

const randomId = (): string => randomBytes(32).toString('base64url');

/** The run of a request that nothing is kept of. Most never ask for it. */
const keyless = (): IdempotentRun => {
  let id: string | undefined;
  let signal: AbortSignal | undefined;
  return {
    get id() {
      return (id ??= randomId());
    },
    fence: 0,
    isProtected: false,
    get signal() {
      return (signal ??= new AbortController().signal);
    },
    release: () => undefined,
  };
};
