// Installs what Turnpike is compared with, which nothing else needs, and measures.
import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { serverForTests } from '../setup/redis.mjs';
import { task } from '../setup/task.mjs';
import { tethered } from '../setup/tethered.mjs';

await task(async () => {
  await install('bench');
  await compile('bench/tsconfig.build.json');
  const server = await serverForTests();
  const env = { ...process.env };
  if (server) env.TURNPIKE_REDIS_SERVER = server;
  return tethered(process.execPath, ['bench/dist/main.js', ...process.argv.slice(2)], { env }).exited;
});
