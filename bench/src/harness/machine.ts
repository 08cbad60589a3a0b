import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, type } from 'node:os';
import { startRedis } from '@turnpike/test-kit';
import { pinning } from './pin.ts';
import { probeRedis } from './redis-cost.ts';

/** Where and with what something was measured. */
export interface Machine {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  /** Of the five minutes before the measuring began: other work on this machine. What built the bench is hardly in it. */
  readonly load: number;
  readonly os: string;
  readonly node: string;
  readonly redis: string;
  readonly pinning: string;
  /** Of what is compared, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

export async function thisMachine(): Promise<Machine> {
  await using server = await startRedis();
  const probe = probeRedis(server);
  const redis = await probe.version();
  probe.close();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commitHere(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    load: Number((loadavg()[1] ?? 0).toFixed(1)),
    os: `${type()} ${release()}`,
    node: process.version,
    redis,
    pinning,
    versions: versionsHere(),
  };
}

function commitHere(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    }).trim();
  } catch {
    return 'unknown';
  }
}

/** The rivals are pinned in the bench's own package.json: what stands there is what is installed. */
function versionsHere(): Record<string, string> {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly devDependencies: Record<string, string>;
  };
  return Object.fromEntries(
    Object.entries(manifest.devDependencies).filter(([name]) => !/^@(types|turnpike)\//.test(name)),
  );
}
