import { suites } from './suites.ts';

/** Why a target is missed, as it is said beside it: of a case, or of a crowd, whose targets are one. */
export function why(id: string, text: string): string | undefined {
  const crowd = suites.flatMap(({ crowds = [] }) => crowds).find((one) => one.id === id);
  const targets = suites.flatMap(({ cases = [] }) => cases).find((one) => one.id === id)?.targets ?? [];
  return crowd?.why ?? targets.find((target) => target.text === text)?.why;
}
