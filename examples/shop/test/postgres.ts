import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { appendFile, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';

/** A Postgres that nobody else uses: all of its processes, since each connection has one. */
export interface PostgresServer {
  readonly url: string;
  /** SIGSTOP: connections are accepted by the kernel and nothing is ever answered, until `resume`. */
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when all is gone. What was committed is on disk, for `restart`. */
  kill(): Promise<void>;
  /** On the same port and with the same data, with these lines of postgresql.conf instead of the last ones. */
  restart(settings?: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Debian keeps the server's programs out of PATH, in a folder for each version. */
const VERSIONS = '/usr/lib/postgresql';

const programs = (existsSync(VERSIONS) ? readdirSync(VERSIONS) : [])
  .toSorted((a, b) => Number(b) - Number(a))
  .map((version) => join(VERSIONS, version, 'bin'))
  .find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));

/** For `skipUnless`. Its processes are found and stopped by way of /proc. */
export const canStartPostgres: boolean = programs !== undefined && existsSync('/proc/self/stat');

export const NO_POSTGRES = `there is no Postgres server in ${VERSIONS} (Debian: apt-get install postgresql)`;

const USER = 'shop';

/** What is lost when the machine loses power is no matter here; what is lost when a process dies is. */
const SETTINGS: Record<string, string> = {
  fsync: 'off',
  shared_buffers: '16MB',
  max_connections: '60',
  listen_addresses: "'127.0.0.1'",
};

/** A Postgres refuses to run as root. */
const unprivileged = (): { uid?: number; gid?: number } => {
  if (process.getuid?.() !== 0) return {};
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
};

const START_WITHIN_MS = 20_000;

/**
 * Starts a Postgres on 127.0.0.1 in a directory of its own, and resolves when it takes connections. It dies with this process,
 * however this process ends.
 */
export async function startPostgres(): Promise<PostgresServer> {
  if (programs === undefined) throw new Error(NO_POSTGRES);
  const identity = unprivileged();
  const folder = await mkdtemp(join(tmpdir(), 'turnpike-postgres-'));
  const data = join(folder, 'data');
  const { uid, gid } = identity;
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  await promisify(execFile)(
    join(programs, 'initdb'),
    ['--pgdata', data, '--username', USER, '--auth=trust', '--no-sync', '--no-locale', '--encoding=UTF8'],
    { ...identity, cwd: folder },
  );
  const port = await freePort();
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`;
  const settings = { ...SETTINGS, port: String(port), unix_socket_directories: `'${folder}'` };
  await appendFile(join(data, 'postgresql.conf'), linesOf(settings));
  let running = await launch(programs, data, folder, identity, url);

  const kill = async (): Promise<void> => {
    // It stands still meanwhile: it would start others in their place, and they would say farewell if it went first.
    signal(running.pid, 'SIGSTOP');
    for (const pid of [...childrenOf(running.pid), running.pid]) signal(pid, 'SIGKILL');
    await running.gone;
  };
  const clear = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const stop = async (): Promise<void> => {
    await kill();
    await clear();
  };

  return {
    url,
    pause() {
      signal(running.pid, 'SIGSTOP');
      for (const pid of childrenOf(running.pid)) signal(pid, 'SIGSTOP');
    },
    resume() {
      for (const pid of [...childrenOf(running.pid), running.pid]) signal(pid, 'SIGCONT');
    },
    kill,
    async restart(changed = {}) {
      await kill();
      await writeFile(join(data, 'postgresql.auto.conf'), linesOf(changed));
      running = await launch(programs, data, folder, identity, url);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const linesOf = (settings: Record<string, string>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');

interface Running {
  readonly pid: number;
  /** Resolves when it and all that it had started have ended. */
  readonly gone: Promise<void>;
}

async function launch(
  bin: string,
  data: string,
  folder: string,
  identity: { uid?: number; gid?: number },
  url: string,
): Promise<Running> {
  const child = spawn(join(bin, 'postgres'), ['-D', data], {
    ...identity,
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)));
  const pid = child.pid ?? 0;
  const release = guard(pid, folder);
  // Its children hold its stderr: the end of that is the end of all of them.
  const gone = once(child, 'close').then(release);
  await untilReady(child, url, () => log).catch(async (error: unknown) => {
    for (const one of [pid, ...childrenOf(pid)]) signal(one, 'SIGKILL');
    await gone;
    throw error;
  });
  child.unref();
  (child.stderr as Socket).unref();
  return { pid, gone };
}

async function untilReady(child: ChildProcess, url: string, log: () => string): Promise<void> {
  for (const deadline = performance.now() + START_WITHIN_MS; ; await sleep(20)) {
    if (child.exitCode !== null) throw new Error(`Postgres ended as it began. The end of its log:\n${log()}`);
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 1000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`Postgres gave no answer:\n${log()}`, { cause: error });
    }
  }
}

/**
 * Reads from a pipe that only this process holds open, so the end of the pipe is the end of this process: then the server and
 * all its children are killed, stopped ones too, which would hear of nothing.
 */
const GUARD = `read -r _
all="$1"
for status in $(grep -ls "^PPid:[[:space:]]*$1\\$" /proc/[0-9]*/status); do
  pid="\${status#/proc/}"
  all="$all \${pid%/status}"
done
kill -9 $all 2>/dev/null
rm -rf "$2"`;

function guard(pid: number, folder: string): () => void {
  const sh = spawn('sh', ['-c', GUARD, 'turnpike-postgres-guard', String(pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const pipe = sh.stdin as Socket;
  sh.on('error', () => undefined);
  pipe.on('error', () => undefined);
  sh.unref();
  pipe.unref();
  return () => {
    sh.kill('SIGKILL');
    pipe.destroy();
  };
}

/** Each has made a session of its own: a signal to the group of its parent would not reach it. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const [, ppid] = /\) \S (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
      return Number(ppid) === parent ? [Number(name)] : [];
    } catch {
      return []; // has ended meanwhile
    }
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
