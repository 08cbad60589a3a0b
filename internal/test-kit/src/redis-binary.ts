import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** What this machine can start a Redis with. */
export type RedisSource =
  | { readonly kind: 'binary'; readonly path: string }
  | { readonly kind: 'docker' }
  | { readonly kind: 'none'; readonly because: string };

const HOW_TO_GET_ONE =
  'Run `npm test`, which fetches a Redis on Debian and Ubuntu, or `brew install redis`, or start Docker.';

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

function fetchedIntoCheckout(): string | undefined {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return join(folder, '.cache/redis/bin/redis-server');
  }
  return undefined;
}

function installedBinary(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const onPath = ['redis-server', 'valkey-server'].flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...onPath, fetchedIntoCheckout()].find((path) => path !== undefined && isExecutable(path));
}

let dockerAnswered: boolean | undefined;

function dockerAnswers(): boolean {
  dockerAnswered ??= spawnSync('docker', ['version'], { stdio: 'ignore', timeout: 5_000 }).status === 0;
  return dockerAnswered;
}

/**
 * Looks, in this order, at `TURNPIKE_REDIS_SERVER` (a path), `redis-server` and `valkey-server` on PATH, the one that
 * was fetched into the checkout, and Docker. `TURNPIKE_REDIS=docker` goes to Docker at once.
 */
export function findRedis(): RedisSource {
  const chosen = process.env['TURNPIKE_REDIS_SERVER'];
  const dockerOnly = process.env['TURNPIKE_REDIS'] === 'docker';
  if (!dockerOnly && chosen !== undefined && chosen !== '') {
    if (isExecutable(chosen)) return { kind: 'binary', path: chosen };
    return { kind: 'none', because: `TURNPIKE_REDIS_SERVER names ${chosen}, which cannot be run.` };
  }
  const path = dockerOnly ? undefined : installedBinary();
  if (path !== undefined) return { kind: 'binary', path };
  if (dockerAnswers()) return { kind: 'docker' };
  const external = process.env['TURNPIKE_TEST_REDIS_URL'] === undefined ? '' : externalIsNotEnough;
  return { kind: 'none', because: `There is no Redis on this machine.${external} ${HOW_TO_GET_ONE}` };
}

const externalIsNotEnough =
  ' TURNPIKE_TEST_REDIS_URL names a server, but this test stops, kills or configures one of its own.';

/** Whether `startRedis` can work here. For `skipUnless`. */
export const canStartRedis = (): boolean => findRedis().kind !== 'none';

/** Whether `startReplica` and `startCluster` can work here: Docker gives single servers only. For `skipUnless`. */
export const canStartCluster = (): boolean => findRedis().kind === 'binary';
