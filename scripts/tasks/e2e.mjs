// The page of the shop in a real browser. Builds, because it is the built shop that is driven.
import { join } from 'node:path';
import { chromium } from '../setup/chromium.mjs';
import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { serverForTests } from '../setup/redis.mjs';
import { task } from '../setup/task.mjs';
import { tethered } from '../setup/tethered.mjs';
import { root } from '../setup/workspace.mjs';

await task(async () => {
  const browser = chromium();
  await install('all');
  await compile();
  const server = await serverForTests();

  const env = { ...process.env, TURNPIKE_CHROMIUM: browser };
  if (server) env.TURNPIKE_REDIS_SERVER = server;
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = ['run', '--config', 'vitest.e2e.config.ts', ...process.argv.slice(2)];
  return tethered(process.execPath, [vitest, ...args], { env }).exited;
});
