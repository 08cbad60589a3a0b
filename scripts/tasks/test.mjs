// Builds as well, because the processes that a race starts import dist like anybody's app.
//
//   --full   the long forms: more processes, more seeds, longer timeouts
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { serverForTests } from '../setup/redis.mjs';
import { atEnd, task } from '../setup/task.mjs';
import { root } from '../setup/workspace.mjs';

const FULL = '--full';

await task(async () => {
  const args = process.argv.slice(2);
  await install('all');
  await compile();
  const server = await serverForTests();

  const env = { ...process.env };
  if (server) env.TURNPIKE_REDIS_SERVER = server;
  if (args.includes(FULL)) env.TURNPIKE_SCALE = 'full';

  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const files = args.filter((arg) => arg !== FULL);
  const child = spawn(process.execPath, [vitest, 'run', ...files], {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  atEnd(() => {
    child.kill();
    return exited;
  });
  return exited;
});
