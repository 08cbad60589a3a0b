import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { selfSigned } from './certificate.ts';
import { freePort } from './free-port.ts';
import { NoRedisServer } from './no-redis-server.ts';
import { findRedis } from './redis-binary.ts';
import { launchRedis, PortTaken, type RedisProcess } from './redis-process.ts';

/** Where a Redis listens, and who we are there. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** What to trust, where it speaks TLS only. */
  readonly tls?: { readonly ca: string };
}

export interface RedisServerOptions {
  /** Lines of redis.conf, such as `{ appendonly: 'yes' }`. `port`, `dir`, `logfile` and `loglevel` belong to the kit. */
  config?: Record<string, string>;
  /** Such as '10mb'. @default no limit */
  maxmemory?: string;
  /** Speaks TLS only, by a certificate that is made now: clients trust `server.tls.ca`. @default false */
  tls?: boolean;
  /** Waited for, up to 10 s, when somebody has it. @default a free one */
  port?: number;
}

/** A Redis that nobody else uses. */
export interface RedisServer extends RedisAddress {
  readonly url: string;
  /** Of the process that runs now; a new one after `restart`. */
  readonly pid: number;
  /** SIGSTOP: connections are accepted by the kernel and nothing is ever answered, until `resume`. */
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when the process is gone. The port and the directory stay ours, for `restart`. */
  kill(): Promise<void>;
  /** A crash and a start, on the same port and in the same directory: what was not on disk is gone. */
  restart(): Promise<void>;
  /** Kills the server, paused or not, and removes its directory. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const DEFAULTS: Record<string, string> = {
  bind: '127.0.0.1',
  daemonize: 'no',
  save: '""',
  appendonly: 'no',
  'enable-debug-command': 'local',
  // A replica would otherwise wait 5 s for others that might want the same snapshot.
  'repl-diskless-sync-delay': '0',
};

/** Names of files in the server's directory. */
const TLS: Record<string, string> = {
  port: '0',
  'tls-cert-file': 'cert.pem',
  'tls-key-file': 'key.pem',
  'tls-auth-clients': 'no',
};

const PORT_WITHIN_MS = 10_000;

/**
 * Starts a Redis on 127.0.0.1 in a directory of its own, without persistence unless `config` says otherwise, and resolves
 * when it accepts connections. It dies with this process, however this process ends.
 *
 * @throws NoRedisServer when this machine has none to start.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const config: Record<string, string> = { ...DEFAULTS, maxmemory: options.maxmemory ?? '0', ...options.config };
  const withBus = config['cluster-enabled'] === 'yes';
  const launch = launcher();
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-redis-'));
  const certificate = options.tls === true ? await selfSigned() : undefined;
  if (certificate !== undefined) {
    await Promise.all(Object.entries(certificate).map(([name, pem]) => writeFile(join(directory, `${name}.pem`), pem)));
  }
  let running: RedisProcess;

  /** Resolves to the port: the wanted one, as soon as it can be had, or any. */
  async function start(wanted: number | undefined): Promise<number> {
    for (const deadline = Date.now() + PORT_WITHIN_MS; ; await sleep(20)) {
      const port = wanted ?? (await freePort({ withBus }));
      const listening = certificate === undefined ? { port: String(port) } : { ...TLS, 'tls-port': String(port) };
      const lines = Object.entries({ ...config, dir: JSON.stringify(directory), ...listening });
      await writeFile(join(directory, 'redis.conf'), lines.map((line) => `${line.join(' ')}\n`).join(''));
      try {
        running = await launch(directory, port);
        return port;
      } catch (error) {
        if (!(error instanceof PortTaken) || Date.now() > deadline) throw error;
      }
    }
  }

  async function kill(): Promise<void> {
    running.signal('SIGKILL');
    await running.exited;
  }

  const clear = (): Promise<void> => rm(directory, { recursive: true, force: true });

  async function stop(): Promise<void> {
    await kill();
    await clear();
  }

  const port = await start(options.port).catch(async (error: unknown) => {
    await clear();
    throw error;
  });

  return {
    host: '127.0.0.1',
    port,
    url: `${certificate === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    ...(certificate !== undefined && { tls: { ca: certificate.cert } }),
    get pid() {
      return running.pid;
    },
    pause: () => running.signal('SIGSTOP'),
    resume: () => running.signal('SIGCONT'),
    kill,
    restart: async () => {
      await kill();
      await start(port);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

type Launch = (directory: string, port: number) => Promise<RedisProcess>;

function launcher(): Launch {
  const source = findRedis();
  switch (source.kind) {
    case 'binary':
      return (directory) => launchRedis(source.path, [join(directory, 'redis.conf')], directory);
    case 'docker':
      return async (directory, port) => (await import('./docker-redis.ts')).launchInDocker(directory, port);
    case 'none':
      throw new NoRedisServer(source.because);
  }
}
