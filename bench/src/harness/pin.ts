import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const canPin = availableParallelism() >= 2 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

const hasCoreEach = availableParallelism() >= 4;

/** Which core each of the three processes of a measurement has: the app has one for itself, wherever there are two. */
export const cores: Readonly<Record<'app' | 'redis' | 'load', number>> = {
  app: 1,
  redis: hasCoreEach ? 2 : 0,
  load: hasCoreEach ? 3 : 0,
};

/** Keeps all threads of a process on one core, where `taskset` exists. */
export function pin(pid: number | undefined, core: number): void {
  if (!canPin || pid === undefined) return;
  spawnSync('taskset', ['-apc', String(core), String(pid)], { stdio: 'ignore' });
}

export const pinning: string = canPin
  ? `app on core ${cores.app}, Redis on core ${cores.redis}, load on core ${cores.load}`
  : 'none';
