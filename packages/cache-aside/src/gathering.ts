import { atTurnEnd } from '@turnpike/core';

/**
 * So many are asked for in one command. Its first answer comes with its last: of large values over a slow wire more would pass a deadline
 * that the first could keep; and of what a command takes beside its values an eighth is little.
 */
const MOST = 8;

/**
 * Asks together for what is asked in one turn of the event loop: when it ends, by `askAll`, in parts. Under load that is one command for
 * many callers, and no caller waits for others, who have all asked by then.
 */
export function gathering<Asked, Answer>(
  askAll: (asked: readonly Asked[]) => readonly Promise<Answer>[],
): (one: Asked) => Promise<Answer> {
  let asked: Asked[] = [];
  let answers: Promise<readonly Promise<Answer>[]> | undefined;

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

  return (one) => {
    answers ??= new Promise((resolve) => atTurnEnd(() => resolve(ask())));
    const at = asked.push(one) - 1;
    return answers.then((all) => all[at] as Promise<Answer>);
  };
}
