import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { canStartCluster, findRedis, skipUnless, startRedis } from '@turnpike/test-kit';
import { afterAll, describe, expect, it } from 'vitest';

describe('docs/testing.md', () => {
  it('shows the files that are run here', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/testing.md'), 'utf8');
    const folder = join(import.meta.dirname, 'docs/testing');
    const files = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8').trim());
    expect(files.length).toBe(4);
    expect(files.filter((file) => !page.includes(`\`\`\`ts\n${file}\n\`\`\``))).toEqual([]);
  });
});

// They are tests of an app: their Redis is there when they are read, at the address that the environment says.
const server = await startRedis();
afterAll(() => server.stop());
process.env['REDIS_URL'] = server.url;
describe('its tests', async () => {
  await import('./docs/testing/shop-tests.ts');
});

const redis = findRedis();
describe('its tests without Redis', skipUnless(canStartCluster(), 'there is no redis-server binary'), async () => {
  if (redis.kind === 'binary') process.env['REDIS_SERVER'] = redis.path;
  await import('./docs/testing/without-redis-tests.ts');
});
