import type { HttpRequest } from '@turnpike/core';
import type { RecordOptions, Recording } from '@turnpike/core/http';
import type { Lasting, Staleness } from '../freshness.ts';
import type { Look, Standing } from '../standing.ts';
import type { Bypass } from './cache-status.ts';
import type { Page, PageHead } from './page.ts';
import type { Head, Refusal } from './storable.ts';
import type { Normal } from './variants.ts';

/** In what a polite cache inside an app and a shared cache of HTTP differ. Made by `rfc9111()`; without one `cacheResponse` is safe. */
export interface Profile {
  /** The pages of one profile are none of another's. */
  readonly name: string;
  /** The options of `cacheResponse` that mean nothing with it, and why. */
  readonly excludes: Readonly<Record<string, string>>;
  /** `staleness`: by agreement with the handler, where its answer says nothing. */
  rulesOf(staleness: Staleness): Rules;
}

/** An id, or undefined for everybody; or why the cache is not asked. */
export type Owner = string | undefined | { readonly why: Bypass };

/** What a profile decides. */
export interface Rules {
  /** Whose page a request is for. */
  ownerOf(req: HttpRequest): Owner | Promise<Owner>;
  /** What a request asks of the cache. */
  asked(req: HttpRequest): Asked;
  /** Whether handlers are watched for whether they look at who asks. */
  readonly watchesReads: boolean;
  /** Whether `Cache-Status` says what a handler has answered, and whether that is stored. */
  readonly tellsForwards: boolean;
  /** What a field of a request says that pages vary by; by default it is taken as it is. */
  readonly normal?: Normal;
  /** Which header fields of an answer are stored. */
  readonly isStored?: RecordOptions['isStored'];
  /** An answer, as it is stored. */
  stored(recording: Recording, run: Run): Recording;
  /** A page of which its handler has said, by a 304, that it still holds. */
  freshened(page: Page, said: Recording, run: Run): Freshened;
  /** What becomes of a page when a HEAD of it was answered so. */
  afterHead?(page: Page, head: Head, run: Pick<Run, 'askedMs' | 'answeredMs'>): Updated | undefined;
  /** Whether what an unsafe method was answered with says that something has changed, and of which other URLs than its own. */
  changed(req: HttpRequest, head: Head): readonly string[] | undefined;
}

/** A page after its validation. */
export interface Freshened {
  readonly recording: Recording;
  /** How old it is, where the 304 does not say. */
  readonly ageMs?: number;
}

/** A page that is told anew, from the moment it was told. */
export interface Updated {
  readonly page: Page;
  readonly lasting: Lasting;
}

/** One request, by the rules of a profile. */
export interface Asked {
  /** No handler is to be called under a lease for it: at most for it alone. */
  readonly isOnlyToLook: boolean;
  /** No handler is to be called for it at all (`only-if-cached`). */
  readonly isOnlyIfStored: boolean;
  /** It wants more than what is stored, fresh as that may be. */
  readonly isDemanding: boolean;
  /** Anybody may ask for the same, without what this request says of its client. */
  readonly isAnyones: boolean;
  /** What may be done for it with what is there. */
  standing(look: Look, mayRunAgain: boolean): Standing;
  /** Whether it may have what the run of another has brought. */
  mayShare(page: PageHead): boolean;
  /** Whether it may have a page that is there in place of an error. */
  standsIn(page: PageHead, nowMs: number): boolean;
  /**
   * Its handler is called for it alone. `untouched`: as if there was no cache. `own`: with the conditions of its client.
   * `basis`: with those of a page, which it may find to hold.
   */
  alone(kept: Page | undefined): Alone;
  /** What becomes of an answer to it. */
  judge(head: Head, run: Run): Judgement;
  /** The same, when the answer has left through what is mounted outside. */
  judgeLeft(kept: Kept, head: Head): Judgement;
}

export type Alone = { readonly kind: 'untouched' | 'own' } | { readonly kind: 'basis'; readonly basis: Page };

/** A run of a handler: instants by the server's time. */
export interface Run {
  readonly askedMs: number;
  readonly answeredMs: number;
  /** It was called with the conditions of its client. */
  readonly isConditional: boolean;
  /** What is there already. */
  readonly held: PageHead | undefined;
  /** How old the answer is, where it does not say. */
  readonly ageMs?: number | undefined;
}

/** How long an answer is stored, and what is to be known of it. */
export interface Kept {
  readonly lasting: Lasting;
  readonly head: Omit<PageHead, 'bornMs'>;
}

export type Judgement =
  | { readonly kind: 'kept'; readonly kept: Kept }
  | { readonly kind: 'refused'; readonly why: Refusal };
