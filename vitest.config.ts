import { defineConfig } from 'vitest/config';

// Tests see the sources, without a build: the same condition as `customConditions` in tsconfig.base.json.
const conditions = ['@turnpike/source'];
const timeout = process.env['TURNPIKE_SCALE'] === 'full' ? 600_000 : 30_000;

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['{packages,internal,examples}/*/{src,test}/**/*.test.ts', '{bench,scripts}/**/*.test.{ts,mjs}'],
    // Over which client: see the file.
    setupFiles: process.env['TURNPIKE_CLIENT'] ? ['packages/core/test/client-kinds/setup.ts'] : [],
    pool: 'forks',
    // Files wait for real time more than they compute: three at a time also where there are two cores.
    maxWorkers: 3,
    testTimeout: timeout,
    hookTimeout: timeout,
    reporters: [
      'default',
      ...(process.env['GITHUB_ACTIONS'] ? ['github-actions'] : []),
      './internal/test-kit/src/skip-reporter.ts',
      './scripts/tally-reporter.mjs',
    ],
  },
});
