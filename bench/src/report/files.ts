import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chart } from './chart.ts';
import type { Run } from './figures.ts';
import { pageText } from './markdown.ts';
import { type Why, missesText } from './misses.ts';

const bench = new URL('../../', import.meta.url);

/** Of the latest run, whatever it was of. */
const latest = new URL('latest/', bench);

/** Of one whole run, for all to see. */
const results = new URL('results/', bench);

/** Four digits say more than is known. */
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;

/** Nothing of an earlier run stays in the folder. */
function write(run: Run, folder: URL): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  writeFileSync(new URL('results.json', folder), `${JSON.stringify(run, rounded, 2)}\n`);
  writeFileSync(new URL('RESULTS.md', folder), pageText(run));
  writeFileSync(new URL('cpu.svg', folder), chart(run));
}

export const keep = (run: Run): void => write(run, latest);

export function publish(run: Run, why: Why): void {
  write(run, results);
  fillIn(fileURLToPath(new URL('README.md', bench)), missesText(run, why));
}

/** What was published last. */
export const published = (): Run => JSON.parse(readFileSync(new URL('results.json', results), 'utf8')) as Run;

/** Puts a text between the two marks of a page that is otherwise written by hand. */
function fillIn(file: string, text: string): void {
  const page = readFileSync(file, 'utf8');
  const filled = page.replace(
    /(<!-- results -->\n)[^]*?(<!-- \/results -->)/,
    (_, open, close) => `${open}\n${text}\n\n${close}`,
  );
  writeFileSync(file, filled);
}
