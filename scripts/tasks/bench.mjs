// Installs what Turnpike is compared with, which nothing else needs, and measures.
import { spawn } from 'node:child_process';
import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { serverForTests } from '../setup/redis.mjs';
import { atEnd, task } from '../setup/task.mjs';
import { root } from '../setup/workspace.mjs';

await task(async () => {
  await install('bench');
  await compile('bench/tsconfig.build.json');
  const server = await serverForTests();

  const env = server ? { ...process.env, TURNPIKE_REDIS_SERVER: server } : process.env;
  const child = spawn(process.execPath, ['bench/dist/main.js', ...process.argv.slice(2)], {
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
