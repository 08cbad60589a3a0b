import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/** What `skipUnless` said of the test or of a suite around it, or the note of `context.skip(note)`. */
function reasonOf(test: TestCase): string | undefined {
  for (let at: TestCase | TestSuite | TestModule = test; at.type !== 'module'; at = at.parent) {
    const { skippedBecause } = at.meta() as { skippedBecause?: string };
    if (skippedBecause !== undefined) return skippedBecause;
  }
  const result = test.result();
  return result.state === 'skipped' ? result.note : undefined;
}

/** A reporter for vitest: counts what did not run, by reason. Nothing is left out silently, and with `CI=true` nothing at all. */
export default class SkipReporter implements Reporter {
  #pattern: RegExp | undefined;

  onInit(vitest: Vitest): void {
    this.#pattern = vitest.config.testNamePattern;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const test of modules.flatMap((module) => [...module.children.allTests('skipped')])) {
      // Under `vitest -t` whatever does not match is skipped too, as the caller wished.
      if (this.#pattern?.test(test.fullName.replaceAll(' > ', ' ')) === false) continue;
      const because = reasonOf(test) ?? 'nobody said why';
      counts.set(because, (counts.get(because) ?? 0) + 1);
    }
    for (const [because, count] of counts) console.log(`${count} skipped, because ${because}`);
    if (counts.size === 0 || process.env['CI'] !== 'true') return;
    console.log('With CI=true every test has to run.');
    process.exitCode = 1;
  }
}
