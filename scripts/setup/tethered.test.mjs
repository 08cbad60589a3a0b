import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const tethered = fileURLToPath(new URL('tethered.mjs', import.meta.url));
const node = process.execPath;

/** A launcher that tethers a command which ignores SIGINT, and prints its pid; `then` is what it does next. */
const launch = (then = '') => {
  const command = 'process.on("SIGINT", () => {}); setInterval(() => {}, 1e3); console.log(process.pid)';
  const script = `
    import { tethered } from ${JSON.stringify(tethered)};
    tethered(${JSON.stringify(node)}, ['-e', ${JSON.stringify(command)}]);
    ${then}`;
  return spawn(node, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
};

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('what is tethered does not outlive a launcher that is killed', async () => {
  const launcher = launch();
  const [line] = await once(launcher.stdout, 'data');
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);

  launcher.kill('SIGKILL');
  await expect.poll(() => isAlive(pid), { interval: 20, timeout: 4_000 }).toBe(false);
});

test('nor one that is gone before the tether has taken hold', async () => {
  const launcher = launch('process.kill(process.pid, "SIGKILL");');
  // The pipe closes when the last process that holds it is gone: launcher, tether and command.
  await once(launcher.stdout.resume(), 'close');
});
