import { defineConfig } from 'vitest/config';

// The test kit is seen as it is in the sources; the shop runs as it is built.
const conditions = ['@turnpike/source'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['examples/*/e2e/**/*.e2e.ts'],
    pool: 'forks',
    // One browser and one shop at a time.
    maxWorkers: 1,
    // The shop's deadlines are real: on a machine that is busy with something else, Redis may count as away for a second.
    retry: 2,
    testTimeout: 30_000,
    // A Postgres is unfolded in memory.
    hookTimeout: 60_000,
    reporters: [
      'default',
      ...(process.env['GITHUB_ACTIONS'] ? ['github-actions'] : []),
      './scripts/tally-reporter.mjs',
    ],
  },
});
