import { StoreError } from '@turnpike/core';

/** What is still to be invalidated. To do it twice, or later, does no harm. */
export interface Pending {
  readonly keys: Set<string>;
  /** What is marked (`tagName`, or a key's `ownTag`), with how far ahead the mark is dated, in ms. */
  readonly tags: Map<string, number>;
  /** Everything, by a mark dated so far ahead; undefined: not everything. */
  everythingAheadMs: number | undefined;
  /** Leases that nobody will use, by their key. */
  readonly leases: Map<string, string>;
}

export const nothingPending = (): Pending => ({
  keys: new Set(),
  tags: new Map(),
  everythingAheadMs: undefined,
  leases: new Map(),
});

export const hasMarks = ({ tags, everythingAheadMs }: Pending): boolean =>
  tags.size > 0 || everythingAheadMs !== undefined;

export const sizeOf = (pending: Pending): number =>
  pending.keys.size + pending.tags.size + (pending.everythingAheadMs === undefined ? 0 : 1);

const isEmpty = (pending: Pending): boolean => sizeOf(pending) === 0 && pending.leases.size === 0;

/** What came of a delivery: what was not delivered, and why. */
export interface Delivery {
  readonly failed: Pending;
  readonly error: unknown;
}

/** Invalidations that wait for Redis. This process reads nothing that one of them may concern before it is delivered. */
export interface Backlog {
  readonly size: number;
  add(more: Pending): void;
  /** Resolves when nothing waits that concerns `key`; rejects with a `StoreError` when something still does. */
  clearFor(key: string): Promise<void>;
  close(): void;
}

/** Beyond so many keys and tags everything is invalidated instead. */
const MAX_WAITING = 10_000;

/** How soon it is tried again, in ms: well within a second of Redis being back. */
const RETRY_MS = 100;

export function createBacklog(deliver: (pending: Pending) => Promise<Delivery>): Backlog {
  let waiting = nothingPending();
  let sending: { readonly pending: Pending; readonly done: Promise<unknown> } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const retrySoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void send();
    }, RETRY_MS).unref();
  };

  const keep = (more: Pending): void => {
    for (const key of more.keys) waiting.keys.add(key);
    for (const [key, token] of more.leases) waiting.leases.set(key, token);
    for (const [tag, aheadMs] of more.tags) waiting.tags.set(tag, Math.max(aheadMs, waiting.tags.get(tag) ?? 0));
    if (more.everythingAheadMs !== undefined) {
      waiting.everythingAheadMs = Math.max(more.everythingAheadMs, waiting.everythingAheadMs ?? 0);
    }
    if (waiting.leases.size > MAX_WAITING) waiting.leases.clear(); // they end by themselves
    if (sizeOf(waiting) <= MAX_WAITING) return;
    const aheadMs = Math.max(0, ...waiting.tags.values(), waiting.everythingAheadMs ?? 0);
    waiting = { ...nothingPending(), everythingAheadMs: aheadMs };
  };

  /** What is added meanwhile waits for the next time: it may be about a later write. */
  const send = async (): Promise<unknown> => {
    if (sending !== undefined) return sending.done;
    const pending = waiting;
    waiting = nothingPending();
    const done = deliver(pending).then(({ failed, error }) => {
      sending = undefined;
      keep(failed);
      if (!isEmpty(waiting)) retrySoon();
      return error;
    });
    sending = { pending, done };
    return done;
  };

  const concerns = (pending: Pending | undefined, key: string): boolean =>
    pending !== undefined && (hasMarks(pending) || pending.keys.has(key) || pending.leases.has(key));

  const backlog: Backlog = {
    get size() {
      return sizeOf(waiting) + (sending === undefined ? 0 : sizeOf(sending.pending));
    },
    add(more) {
      keep(more);
      if (!isEmpty(waiting)) retrySoon();
    },
    async clearFor(key) {
      if (!concerns(waiting, key) && !concerns(sending?.pending, key)) return;
      const wasSending = sending !== undefined;
      const error = await send();
      if (!concerns(waiting, key) && !concerns(sending?.pending, key)) return;
      if (error === undefined || wasSending) return backlog.clearFor(key);
      throw error instanceof Error
        ? error
        : new StoreError('ERR_TURNPIKE_STORE_UNREACHABLE', 'Invalidations are waiting for Redis');
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
  return backlog;
}
