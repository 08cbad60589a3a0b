// A vitest reporter whose one line any runner can read, after everything else: `12 passed, 0 failed, 1 skipped`.

export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const line = sentence(tally(modules, unhandledErrors));
    process.once('exit', () => console.log(line));
  }
}

/** What broke outside of a test counts as a failure too: a file that does not load, a hook, a stray rejection. */
export function tally(modules, unhandledErrors) {
  const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of modules) {
    for (const test of module.children.allTests()) count[test.result().state]++;
    for (const group of [module, ...module.children.allSuites()]) if (group.errors().length > 0) count.failed++;
  }
  return count;
}

export const sentence = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
