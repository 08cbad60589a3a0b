// What no script can bring without root: a package of Debian or Ubuntu, installed on a machine that is there for tests.
import { run } from './run.mjs';
import { Stop } from './task.mjs';

/** @throws Stop that says what to install, where this is not root, or there is no apt, or apt gives none */
export async function aptInstall(name) {
  const apt = async (timeoutMs, ...args) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    return (await run('apt-get', args, { env, timeoutMs })).code === 0;
  };
  const isInstalled =
    process.getuid?.() === 0 &&
    (await apt(120_000, 'update', '-qq')) &&
    (await apt(240_000, 'install', '-yqq', '--no-install-recommends', name));
  if (!isInstalled) throw new Stop(`There is no ${name} here, and it could not be installed.`);
}
