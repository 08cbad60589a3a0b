import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { serverForTests } from '../setup/redis.mjs';
import { task } from '../setup/task.mjs';
import { tethered } from '../setup/tethered.mjs';

await task(async () => {
  await install('all');
  await compile('examples/under-fire/tsconfig.build.json');
  const server = await serverForTests();
  const env = { ...process.env };
  if (server) env.TURNPIKE_REDIS_SERVER = server;
  return tethered(process.execPath, ['examples/under-fire/dist/soak/main.js'], { env }).exited;
});
