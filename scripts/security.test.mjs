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

  it('is not the only page whose tests are there: docs/failure-modes.md', () => {
    const list = readFileSync(join(root, 'docs/failure-modes.md'), 'utf8').split('\n\n- ').at(-1);
    const named = testsIn(list);
    expect(named.length).toBeGreaterThan(7);
    expect(named.filter(({ file, title }) => !readFileSync(join(root, file), 'utf8').includes(title))).toEqual([]);
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
