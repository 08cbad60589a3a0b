import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8');

/** The rows of the tables of threats, by the heading that they stand under. */
const threats = page
  .split(/^### /m)
  .slice(1)
  .flatMap((section) => {
    const name = section.slice(0, section.indexOf('\n'));
    return [...section.matchAll(/^\| (.+?) \| (.+?) \| (`.+”) \|$/gm)].map(([, threat, , tests]) => ({
      name,
      threat,
      tests: testsIn(tests),
    }));
  });

/** “Title” after “title” of one file, then perhaps of another. */
function testsIn(cell) {
  let file;
  return [...cell.matchAll(/`([^`]+)`|“([^”]+)”/g)].flatMap(([, path, title]) => {
    file = path ?? file;
    return title === undefined ? [] : [{ file, title }];
  });
}

describe('SECURITY.md', () => {
  it('has a table for every package, and one for all', () => {
    const counts = {};
    for (const { name } of threats) counts[name] = (counts[name] ?? 0) + 1;
    expect(Object.keys(counts)).toEqual([
      'core',
      'rate-limit',
      'single-session',
      'idempotency',
      'cache-aside',
      'All of them in one app',
    ]);
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(4);
  });

  it('names a test for every threat, and only tests that are there', () => {
    expect(threats.filter(({ tests }) => tests.length === 0)).toEqual([]);
    const missing = threats.flatMap(({ tests }) =>
      tests.filter(({ file, title }) => !readFileSync(join(root, file), 'utf8').includes(title)),
    );
    expect(missing).toEqual([]);
  });

  it('tells the number of cases of each fuzzer as it is', () => {
    const fuzzers = [...page.matchAll(/^\| .+? \| `(.+?)` +\| ([\d,]+) +\| ([\d,]+) +\|$/gm)];
    expect(fuzzers.length).toBeGreaterThan(6);
    const wrong = fuzzers.filter(([, file, quick, full]) => {
      const [few, many] = [quick, full].map((count) => count.replaceAll(',', ''));
      const text = readFileSync(join(root, file), 'utf8').replaceAll(/(?<=\d)_(?=\d)/g, '');
      return !text.includes(few === many ? `numRuns: ${few}` : `quick: ${few}, full: ${many}`);
    });
    expect(wrong.map(([row]) => row)).toEqual([]);
  });
});

describe('docs/failure-modes.md', () => {
  const text = readFileSync(join(root, 'docs/failure-modes.md'), 'utf8');

  /** The rows of a table, of whose first cell an empty one says what the one above it says. */
  const rowsOf = (headings) => {
    const [table = ''] = text.split(`\n| ${headings.join(' | ')} |\n`)[1]?.split('\n\n') ?? [];
    let above;
    return [...table.matchAll(/^\| (.*?) ?\| (.+?) \| (.+) \|$/gm)].map(([, fault, name, rest]) => {
      above = fault || above;
      return { row: `${above}, ${name}`, rest };
    });
  };

  it('names a test that is there for every package and everything that can happen, but where its own test compares', () => {
    const told = rowsOf(['what happens', 'package', 'what the client sees', 'what is kept']);
    const shown = rowsOf(['what happens', 'package', 'shown by']);
    expect(shown.length).toBeGreaterThan(15);
    const compared = ({ rest }) => rest.startsWith('`');
    expect(shown.map(({ row }) => row)).toEqual(told.filter((one) => !compared(one)).map(({ row }) => row));
    const missing = shown.filter(({ rest }) => {
      const tests = testsIn(rest);
      return (
        tests.length === 0 || tests.some(({ file, title }) => !readFileSync(join(root, file), 'utf8').includes(title))
      );
    });
    expect(missing).toEqual([]);
  });
});
