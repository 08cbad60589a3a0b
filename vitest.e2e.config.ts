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
