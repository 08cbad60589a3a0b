import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runningTime, startRedis } from '@turnpike/test-kit';
import request from 'supertest';
import { expect, it, onTestFinished } from 'vitest';

const file = readFileSync(join(import.meta.dirname, 'docs/readme/app.ts'), 'utf8').trim();

it('README.md shows the app that is run here', () => {
  expect(readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8')).toContain(`\`\`\`ts\n${file}\n\`\`\``);
});

it('that app counts to a hundred, and still answers when Redis hangs: within a deadline, and then at once', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  process.env['REDIS_URL'] = server.url;
  const { app, redis } = await import('./docs/readme/app.ts');
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  await redis.ping();
  app.get('/', (_req, res) => void res.end());
  const look = () => request(app).get('/');
  // A busy machine is a slow Redis, and then the process counts by itself for a while.
  let passed = 0;
  while ((await look()).status === 200) passed += 1;
  expect(passed).toBeGreaterThanOrEqual(100);
  await look().expect(429);

  await redis.flushall();
  server.pause();
  // A denial is remembered here for a second at most; nobody else may wait for it.
  const ms = await runningTime(() => look().then());
  expect(ms).toBeLessThan(500);
  expect(await runningTime(() => look().then())).toBeLessThan(100);
});
