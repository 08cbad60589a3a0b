import type { Spread } from '../harness/statistics.ts';
import type { CaseReport, CrowdReport, Row, SuiteReport, TargetReport } from './figures.ts';

type Column<T> = readonly [head: string, cell: (row: T) => string];

const table = <T>(columns: readonly Column<T>[], rows: readonly T[]): string =>
  [
    `| ${columns.map(([head]) => head).join(' | ')} |`,
    `|${columns.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`,
    ...rows.map((row) => `| ${columns.map(([, cell]) => cell(row)).join(' | ')} |`),
  ].join('\n');

/** Three digits are all that a busy machine can tell. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits).replace(/^-(0(\.0+)?)$/, '$1');
};

const spread = ({ median, low, high }: Spread): string =>
  low === high ? figure(median) : `${figure(median)} (${figure(low)}–${figure(high)})`;

const bold = (text: string, role: string): string => (role === 'turnpike' ? `**${text}**` : text);

const COLUMNS: readonly Column<Row>[] = [
  ['', ({ name, role }) => bold(name, role)],
  ['CPU µs', ({ cpuUs }) => spread(cpuUs)],
  ['added µs', ({ addedUs, role }) => (role === 'bare' ? '' : bold(spread(addedUs), role))],
  ['commands', ({ commands }) => (commands === 0 ? '' : figure(commands))],
  ['Redis µs', ({ redisUs, commands }) => (commands === 0 ? '' : spread(redisUs))],
  ['p50 ms', ({ p50Ms }) => figure(p50Ms.median)],
  ['p99 ms', ({ p99Ms }) => figure(p99Ms.median)],
  ['req/s', ({ throughput }) => `${figure(throughput.median)}×`],
  ['heap MB', ({ heapBytes }) => figure(heapBytes / 1e6)],
];

const OPTIONAL: readonly Column<Row>[] = [
  ['bytes', ({ bytesEach }) => (bytesEach === undefined ? '' : figure(bytesEach))],
  ['round trips', ({ roundTrips }) => (roundTrips === undefined ? '' : String(roundTrips))],
];

const TARGETS: readonly Column<TargetReport>[] = [
  ['target', ({ text }) => text],
  ['at most', ({ atMost, unit }) => `${atMost} ${unit}`],
  ['is', ({ value }) => (value ? spread(value) : 'not measured')],
  ['', ({ isMet }) => (isMet ? 'reached' : '**missed**')],
];

export function caseText({ id, title, about, thing, rows, out, targets }: CaseReport): string {
  const optional = OPTIONAL.filter(([, cell]) => rows.some((row) => cell(row) !== '')).map(
    ([head, cell]): Column<Row> => [head === 'bytes' && thing !== undefined ? `bytes per ${thing}` : head, cell],
  );
  const lacks = rows.flatMap((row) => (row.lacks === undefined ? [] : `- ${row.name}: ${row.lacks}.`));
  return [
    `### ${title}`,
    `${about} (\`${id}\`)`,
    table([...COLUMNS, ...optional], rows),
    ...(targets.length > 0 ? [table(TARGETS, targets)] : []),
    ...(lacks.length > 0 ? [`Does not do what Turnpike does:\n\n${lacks.join('\n')}`] : []),
    ...out.map(({ name, because }) => `Not measured: ${name}. ${because}`),
  ].join('\n\n');
}

export const crowdText = ({ id, title, about, rows, targets }: CrowdReport): string =>
  [
    `### ${title}`,
    `${about} (\`${id}\`)`,
    table<CrowdReport['rows'][number]>(
      [
        ['', ({ name, role }) => bold(name, role)],
        ['loads', ({ loads, role }) => bold(spread(loads), role)],
        ['slowest caller, ms', ({ slowestMs }) => spread(slowestMs)],
      ],
      rows,
    ),
    table(TARGETS, targets),
  ].join('\n\n');

function machineText({ machine }: SuiteReport): string {
  const { date, commit, cpu, cores, load, os, node, redis, pinning } = machine;
  return `Measured ${date} at ${commit}: ${cores} cores of ${cpu}, ${os}, Node ${node}, Redis ${redis}; load ${load} before it began; pinned: ${pinning}.`;
}

export const suiteText = (report: SuiteReport): string =>
  [`## ${report.suite}`, machineText(report), ...report.cases.map(caseText), ...report.crowds.map(crowdText)].join(
    '\n\n',
  );

/** Why a target of a case may be missed, as far as it is known. */
export type Why = (caseId: string, text: string) => string | undefined;

/** What was to be reached and was not, by how much, and why. */
export function missesText(reports: readonly SuiteReport[], why: Why): string {
  const all = reports
    .flatMap(({ cases, crowds }) => [...cases, ...crowds])
    .flatMap(({ id, title, targets }) => targets.map((target) => ({ ...target, id, title })));
  const missed = all.filter(({ isMet }) => !isMet);
  const count = `${all.length - missed.length} of ${all.length} targets are reached.`;
  const said = missed.map(({ id, title, text, value, atMost, unit }) => {
    const by = value ? `${spread(value)} ${unit}` : 'not measured';
    return `- **${title}**: ${text}: ${by}, at most ${atMost} was wanted. ${why(id, text) ?? ''}`.trimEnd();
  });
  return [count, ...(said.length > 0 ? [said.join('\n')] : [])].join('\n\n');
}
