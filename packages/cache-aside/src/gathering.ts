import { atTurnEnd } from '@turnpike/core';

/**
 * So many are asked for in one command. Its first answer comes with its last: of large values over a slow wire more would pass a deadline
 * that the first could keep; and of what a command takes beside its values an eighth is little.
 */
const MOST = 8;

/**
 * Asks together for what is asked in one turn of the event loop, by `askAll`, in parts: for what comes first in it at once, with all of the
 * same tick, and for the others when it ends. Under load that is one command for many callers, and who is alone waits for nobody.
 */
export function gathering<Asked, Answer>(
  askAll: (asked: readonly Asked[]) => readonly Promise<Answer>[],
): (one: Asked) => Promise<Answer> {
  let asked: Asked[] = [];
  let answers: Promise<readonly Promise<Answer>[]> | undefined;
  /** Some have been asked for in this turn. */
  let hasAsked = false;

  const askPart = (part: readonly Asked[]): readonly Promise<Answer>[] => {
    try {
      return askAll(part);
    } catch (error) {
      return part.map(() => Promise.reject(error as Error));
    }
  };

  const ask = (): readonly Promise<Answer>[] => {
    const all = asked;
    asked = [];
    answers = undefined;
    if (all.length <= MOST) return askPart(all);
    const parts = Array.from({ length: Math.ceil(all.length / MOST) }, (_, n) => all.slice(n * MOST, (n + 1) * MOST));
    return parts.flatMap(askPart);
  };

  const soon = (): Promise<readonly Promise<Answer>[]> => {
    if (hasAsked) return new Promise((resolve) => atTurnEnd(() => resolve(ask())));
    hasAsked = true;
    atTurnEnd(() => void (hasAsked = false));
    return Promise.resolve().then(ask);
  };

  return (one) => {
    answers ??= soon();
    const at = asked.push(one) - 1;
    return answers.then((all) => all[at] as Promise<Answer>);
  };
}
