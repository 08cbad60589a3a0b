import type { Spread } from '../harness/statistics.ts';
import type { CaseReport, CrowdReport, GrowthReport, Row, Run, SuiteReport, TargetReport } from './figures.ts';

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

export const spread = ({ median, low, high }: Spread): string =>
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

const GROWTH: readonly Column<GrowthReport['rows'][number]>[] = [
  ['CPU µs', ({ cpuUs }) => spread(cpuUs)],
  ['added µs', ({ addedUs }) => `**${spread(addedUs)}**`],
  ['commands', ({ commands }) => figure(commands)],
  ['Redis µs', ({ redisUs }) => spread(redisUs)],
  ['p50 ms', ({ p50Ms }) => figure(p50Ms.median)],
  ['p99 ms', ({ p99Ms }) => figure(p99Ms.median)],
];

const FURTHER: (typeof GROWTH)[number] = [
  'bytes per further one',
  ({ furtherBytes }) => (furtherBytes === undefined ? '' : figure(furtherBytes)),
];

export function growthText({ id, title, about, unit, rows }: GrowthReport): string {
  const isKept = rows.some(({ furtherBytes }) => furtherBytes !== undefined);
  const columns: Column<GrowthReport['rows'][number]>[] = [
    [unit, ({ amount }) => amount.toLocaleString('en-GB')],
    ...GROWTH,
    ...(isKept ? [FURTHER] : []),
  ];
  return [`### ${title}`, `${about} (\`${id}\`)`, table(columns, rows)].join('\n\n');
}

/** A machine that does something else adds to every figure, and to its spread. */
const QUIET_LOAD = 1;

export function machineText({ machine, rounds, tookSeconds }: Run): string {
  const { date, commit, cpu, cores, load, os, node, redis, pinning } = machine;
  const minutes = Math.round(tookSeconds / 60);
  const said = `One run, of ${date} at ${commit}: ${cores} cores of ${cpu}, ${os}, Node ${node}, Redis ${redis}; ${rounds} rounds, ${minutes} minutes; a load of ${load} in the five minutes before it; pinned: ${pinning}.`;
  return load <= QUIET_LOAD
    ? said
    : `${said}\n\n**The machine was not quiet: its load was ${load} in the five minutes before. Above ${QUIET_LOAD}, figures are too high, and less certain than their spread says.**`;
}

const suiteText = ({ suite, cases, crowds, growth }: SuiteReport): string =>
  [`## ${suite}`, ...cases.map(caseText), ...crowds.map(crowdText), ...growth.map(growthText)].join('\n\n');

export function pageText(run: Run): string {
  const versions = Object.entries(run.machine.versions).map((named) => named.join(' '));
  const page = [
    '# Results',
    'Made by `npm run bench`; how to read it is in [README.md](../README.md).',
    machineText(run),
    `Versions: ${versions.join(', ')}.`,
    ...run.suites.map(suiteText),
  ];
  return `${page.join('\n\n')}\n`;
}
