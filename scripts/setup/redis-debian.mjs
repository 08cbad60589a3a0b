// On Debian and Ubuntu, the distribution's own Redis without installing it: apt downloads it into private folders, dpkg
// unpacks it into .cache/redis. Nothing outside the checkout changes, and nobody needs to be root.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { cachePath, cached } from './cache.mjs';
import { run } from './run.mjs';

/** Where `fetchServer` leaves the server. */
export const cachedServer = cachePath('redis', 'bin', 'redis-server');

/** The path of the server, or undefined where this cannot work: no apt, no network, no such package. */
export async function fetchServer() {
  if ((await run('apt-get', ['--version'])).code !== 0) return undefined;
  return (await cached('redis', unpackServer)) && cachedServer;
}

async function unpackServer(folder) {
  const scratch = join(folder, 'apt');
  const debs = join(scratch, 'debs');
  for (const path of [join(scratch, 'lists', 'partial'), join(scratch, 'cache', 'archives', 'partial'), debs]) {
    mkdirSync(path, { recursive: true });
  }
  const apt = (...args) =>
    run('apt-get', [...privateFolders(scratch), ...args], {
      cwd: debs,
      env: { ...process.env, LC_ALL: 'C' },
      timeoutMs: 120_000,
    });

  // Its exit code says that some source failed, perhaps one that has nothing to do with Redis: see what the lists give.
  await apt('update');
  const plan = await apt('--simulate', 'install', '--no-install-recommends', 'redis-server');
  const packages = missingPackages(plan.output);
  if (plan.code !== 0 || packages.length === 0) return false;
  if ((await apt('download', ...packages)).code !== 0) return false;

  const root = join(folder, 'root');
  for (const deb of readdirSync(debs)) {
    if ((await run('dpkg', ['--extract', join(debs, deb), root])).code !== 0) return false;
  }
  rmSync(scratch, { recursive: true });

  const server = join(folder, 'bin', 'redis-server');
  mkdirSync(join(folder, 'bin'));
  writeFileSync(server, wrapper(libraryFolders(root)), { mode: 0o755 });
  return (await run(server, ['--version'])).code === 0;
}

const privateFolders = (scratch) =>
  Object.entries({
    'Dir::State::Lists': join(scratch, 'lists'),
    'Dir::Cache': join(scratch, 'cache'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Acquire::Languages': 'none',
    // Root would hand the download to the user _apt, who cannot write here.
    'APT::Sandbox::User': '',
    'Debug::NoLocking': '1',
  }).flatMap(([option, value]) => ['-o', `${option}=${value}`]);

/** What a simulated install would put on this machine: the server, and those of its libraries that are not there. */
export const missingPackages = (simulation) => [...simulation.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name);

/** Every folder under `root` that holds a shared library, relative to it. */
function libraryFolders(root) {
  const libraries = readdirSync(root, { recursive: true }).filter((file) => /\.so(\.[\d.]+)?$/.test(file));
  return [...new Set(libraries.map((file) => relative(root, join(root, file, '..'))))];
}

/** Finds its libraries beside itself, so that the checkout can be moved. */
const wrapper = (folders) => `#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/../root
export LD_LIBRARY_PATH="${folders.map((folder) => `$root/${folder}`).join(':')}"
exec "$root/usr/bin/redis-server" "$@"
`;
