import { expect, test } from 'vitest';
import { sentence, tally } from './tally-reporter.mjs';

const ran = (...states) => states.map((state) => ({ result: () => ({ state }) }));
const module = (tests, { errors = [], suites = [] } = {}) => ({
  errors: () => errors,
  children: { allTests: () => tests, allSuites: () => suites },
});

test('tests are counted over all files', () => {
  const modules = [module(ran('passed', 'failed')), module(ran('passed', 'skipped'))];
  expect(sentence(tally(modules, []))).toBe('2 passed, 1 failed, 1 skipped');
});

test('a file that does not load, a broken hook and a stray rejection are failures, so that 0 failed means green', () => {
  const brokenSuite = { errors: () => [new Error('beforeAll')] };
  const modules = [
    module([], { errors: [new Error('SyntaxError')] }),
    module(ran('skipped'), { suites: [brokenSuite] }),
  ];
  expect(sentence(tally(modules, [new Error('unhandled')]))).toBe('0 passed, 3 failed, 1 skipped');
});
