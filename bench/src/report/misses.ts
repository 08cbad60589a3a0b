import type { Run, TargetReport } from './figures.ts';
import { machineText, spread } from './markdown.ts';

/** Why a target of a case is missed, as far as somebody has said. */
export type Why = (caseId: string, text: string) => string | undefined;

/** Stands where nobody has. A test looks for it in what is published. */
export const UNEXPLAINED = '**Nobody has said why.**';

interface Miss extends TargetReport {
  readonly title: string;
  readonly why: string;
}

const targetsOf = ({ suites }: Run): (TargetReport & { readonly id: string; readonly title: string })[] =>
  suites
    .flatMap(({ cases, crowds }) => [...cases, ...crowds])
    .flatMap(({ id, title, targets }) => targets.map((target) => ({ ...target, id, title })));

const missesOf = (run: Run, why: Why): Miss[] =>
  targetsOf(run)
    .filter(({ isMet }) => !isMet)
    .map((target) => ({ ...target, why: why(target.id, target.text)?.trim() || UNEXPLAINED }));

/** The missed targets that nobody has given a reason for. */
export const unexplained = (run: Run, why: Why): string[] =>
  missesOf(run, why)
    .filter((miss) => miss.why === UNEXPLAINED)
    .map(({ title, text }) => `${title}: ${text}`);

/** What was to be reached and was not, by how much, and why. */
export function missesText(run: Run, why: Why): string {
  const all = targetsOf(run);
  const misses = missesOf(run, why);
  const said = misses.map(({ title, text, value, atMost, unit, why }) => {
    const by = value ? `${spread(value)} ${unit}` : 'not measured';
    return `- **${title}**: ${text}: ${by}, at most ${atMost} was wanted. ${why}`;
  });
  return [
    machineText(run),
    `${all.length - misses.length} of ${all.length} targets are reached.`,
    ...(said.length > 0 ? [said.join('\n')] : []),
  ].join('\n\n');
}
