// What is asked of a version is what it does, not whether several files at a time are too much for this machine. So a file that
// fails beside others is run again by itself; but a race that one version loses now and then is a failure, too, so by itself it has
// to pass every time.

const TIMES = 3;

/**
 * The verdict on `files`, by `test(args)`: one run of vitest. `again` names the files that were run once more.
 */
export async function withFailedOnceMore(test, files) {
  const all = await test(files);
  if (all.broken.length === 0) return { ...all, again: [] };

  const verdict = (failed) => ({ ...all, passed: all.passed + all.failed - failed, failed, again: all.broken });
  for (let time = 1; time <= TIMES; time++) {
    const alone = await test(['--maxWorkers=1', ...all.broken]);
    if (alone.failed > 0) return verdict(alone.failed);
  }
  return verdict(0);
}

export const noteOf = (again) =>
  again.length === 0
    ? []
    : [`failed beside others, so by themselves (${TIMES} times, or until they fail): ${again.join(', ')}`];
