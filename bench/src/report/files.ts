import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chart } from './chart.ts';
import type { SuiteReport } from './figures.ts';
import { type Why, missesText, suiteText } from './markdown.ts';

const bench = new URL('../../', import.meta.url);
const results = new URL('results/', bench);

/** In the order in which the pages show them. */
const ORDER = ['rate-limit', 'single-session', 'idempotency', 'cache-aside', 'chain', 'growth'];

/** Keeps what a run says of one suite; the others stay as they were measured last. */
export function saveSuite(report: SuiteReport): void {
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL(`${report.suite}.json`, results), `${JSON.stringify(report, rounded, 2)}\n`);
}

/** Four digits say more than is known. */
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;

/** Makes the pages and the chart of what is kept. */
export function publish(why: Why): void {
  const reports = readdirSync(results)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(new URL(name, results), 'utf8')) as SuiteReport)
    .toSorted((one, other) => ORDER.indexOf(one.suite) - ORDER.indexOf(other.suite));
  const versions = Object.entries<string>(reports[0]?.machine.versions ?? {}).map((named) => named.join(' '));
  const page = [
    '# Results',
    'Made by `npm run bench`; how to read it is in [README.md](../README.md).',
    `Versions: ${versions.join(', ')}.`,
  ];
  writeFileSync(new URL('RESULTS.md', results), `${[...page, ...reports.map(suiteText)].join('\n\n')}\n`);
  writeFileSync(new URL('cpu.svg', results), chart(reports));
  fillIn(fileURLToPath(new URL('README.md', bench)), missesText(reports, why));
}

/** Puts a text between the two marks of a page that is otherwise written by hand. */
function fillIn(file: string, text: string): void {
  const page = readFileSync(file, 'utf8');
  const filled = page.replace(
    /(<!-- results -->\n)[^]*?(<!-- \/results -->)/,
    (_, open, close) => `${open}\n${text}\n\n${close}`,
  );
  writeFileSync(file, filled);
}
