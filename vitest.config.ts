import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@turnpike/source'] },
  ssr: { resolve: { conditions: ['@turnpike/source'] } },
  test: {
    include: ['{packages,internal,examples}/*/{src,test}/**/*.test.ts', 'scripts/*.test.mjs'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
