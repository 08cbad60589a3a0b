// On Debian and Ubuntu, the distribution's own Redis without installing it: apt downloads it into private folders, dpkg
// unpacks it into .cache/redis. Nothing outside the checkout changes, and nobody needs to be root. On Debian, servers of
// another release, too: they bring along every library, the C library and its loader included.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cachePath, cached } from './cache.mjs';
import { makeStartable } from './own-libraries.mjs';
import { run } from './run.mjs';

/** Where `fetchServer` leaves the server. */
export const cachedServer = cachePath('redis', 'bin', 'redis-server');

/** The path of the server, or undefined where this cannot work: no apt, no network, no such package. */
export async function fetchServer() {
  if ((await run('apt-get', ['--version'])).code !== 0) return undefined;
  return (await cached('redis', (folder) => unpackServer(folder, 'redis-server'))) && cachedServer;
}

/** Whether this is a Debian that knows where another `release` has its packages. */
export const hasRelease = async (release) => (await sourceOf(release)) !== undefined;

/** The path of `server` as Debian's `release` has it, or undefined where this cannot work: also on what is not Debian. */
export async function fetchServerOf(release, server) {
  const source = await sourceOf(release);
  if (source === undefined) return undefined;
  const name = `${server}-${release}`;
  return (await cached(name, (folder) => unpackServer(folder, server, source))) && cachePath(name, 'bin', server);
}

async function unpackServer(folder, server, source) {
  const scratch = join(folder, 'apt');
  const debs = join(scratch, 'debs');
  for (const path of [join(scratch, 'lists', 'partial'), join(scratch, 'cache', 'archives', 'partial'), debs]) {
    mkdirSync(path, { recursive: true });
  }
  if (source !== undefined) {
    writeFileSync(join(scratch, 'sources.list'), `${source}\n`);
    writeFileSync(join(scratch, 'status'), '');
  }
  const options = [...privateFolders(scratch), ...(source === undefined ? [] : anotherRelease(scratch))];
  const apt = (...args) =>
    run('apt-get', [...options, ...args], {
      cwd: debs,
      env: { ...process.env, LC_ALL: 'C' },
      timeoutMs: 120_000,
    });

  // Its exit code says that some source failed, perhaps one that has nothing to do with Redis: see what the lists give.
  await apt('update');
  const plan = await apt('--simulate', 'install', '--no-install-recommends', server);
  const missing = missingPackages(plan.output);
  // On a machine that has nothing, an install would bring all that a system is made of.
  const packages = source === undefined ? missing : missing.filter((name) => NEEDED_TO_RUN.test(name));
  if (plan.code !== 0 || packages.length === 0) return false;
  if ((await apt('download', ...packages)).code !== 0) return false;

  const root = join(folder, 'root');
  for (const deb of readdirSync(debs)) {
    if ((await run('dpkg', ['--extract', join(debs, deb), root])).code !== 0) return false;
  }
  rmSync(scratch, { recursive: true });
  return makeStartable(folder, server, { ownLoader: source !== undefined });
}

const NEEDED_TO_RUN = /^(lib|zlib|redis|valkey)/;

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

const anotherRelease = (scratch) =>
  Object.entries({
    'Dir::Etc::sourcelist': join(scratch, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::status': join(scratch, 'status'),
  }).flatMap(([option, value]) => ['-o', `${option}=${value}`]);

/** Where this Debian has its packages from is where another release of it is, too. */
async function sourceOf(release) {
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE) $(ORIGIN)']);
  return targets.code === 0 ? sourceLine(targets.output, readFileSync('/etc/os-release', 'utf8'), release) : undefined;
}

/** A line of sources.list for `release`, out of apt's own sources for the one that runs; undefined on what is not Debian. */
export function sourceLine(targets, osRelease, release) {
  const running = /^VERSION_CODENAME=(\S+)/m.exec(osRelease)?.[1];
  const [, uri] = targets.match(new RegExp(`^(\\S+) ${running} Debian$`, 'm')) ?? [];
  return uri && `deb ${uri} ${release} main`;
}

/** What a simulated install would put on this machine: the server, and those of its libraries that are not there. */
export const missingPackages = (simulation) => [...simulation.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name);
