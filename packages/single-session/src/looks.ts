/** What is watched until it is known to have ended. */
export interface Watched {
  /** Rejects when nobody can say. */
  readonly isLive: () => Promise<boolean>;
}

/** How many are looked at at once: so few that a slow Redis answers them within their deadline. */
const AT_ONCE = 100;

/** After how long Redis is asked again when it did not say, in ms: at first, and at last. */
const AGAIN_MS = { least: 100, most: 5000 };

/** Looks whether what is watched still lives, and again for as long as nobody can say. */
export interface Looks<Watch> {
  /** To be looked at from now on: what was seen before does not count. */
  at(watches: Iterable<Watch>): void;
  close(): void;
}

/** Looks at those that are in `watches` when their turn comes. */
export function createLooks<Watch extends Watched>(
  watches: { has(watch: Watch): boolean },
  onEnded: (watch: Watch) => void,
): Looks<Watch> {
  const due = new Set<Watch>();
  const unknown = new Set<Watch>();
  let isLooking = false;
  let againMs = AGAIN_MS.least;
  let again: NodeJS.Timeout | undefined;

  const next = (): Watch[] => {
    const some: Watch[] = [];
    for (const watch of due) {
      due.delete(watch);
      if (watches.has(watch)) some.push(watch);
      if (some.length === AT_ONCE) break;
    }
    return some;
  };

  /** Whether somebody could say. */
  const look = async (watch: Watch): Promise<boolean> => {
    try {
      if (!(await watch.isLive())) onEnded(watch);
      return true;
    } catch {
      unknown.add(watch);
      return false;
    }
  };

  const move = (from: Set<Watch>, to: Set<Watch>): void => {
    for (const watch of from) to.add(watch);
    from.clear();
  };

  const lookAtAll = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    while (due.size > 0) {
      // oxlint-disable-next-line no-await-in-loop -- so many at once, and no more
      const isKnown = await Promise.all(next().map(look));
      if (isKnown.includes(true)) againMs = AGAIN_MS.least;
      // Redis answers nobody: neither would it the others, of whom there may be thousands.
      else move(due, unknown);
    }
    isLooking = false;
    if (unknown.size > 0) lookAgain();
  };

  const lookAgain = (): void => {
    again ??= setTimeout(() => {
      again = undefined;
      move(unknown, due);
      void lookAtAll();
    }, againMs).unref();
    againMs = Math.min(2 * againMs, AGAIN_MS.most);
  };

  return {
    at(those) {
      for (const watch of those) due.add(watch);
      void lookAtAll();
    },
    close() {
      due.clear();
      unknown.clear();
      clearTimeout(again);
      again = undefined;
    },
  };
}
