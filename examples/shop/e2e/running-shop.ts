import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type RedisServer, startRedis } from '@turnpike/test-kit';

const ROOT = join(import.meta.dirname, '../../..');

/** The built shop, with a Redis and a database of its own. */
export interface RunningShop {
  readonly url: string;
  readonly redis: RedisServer;
  stop(): Promise<void>;
}

export async function runShop(): Promise<RunningShop> {
  const redis = await startRedis();
  const port = await freePort();
  const { DATABASE_URL: _, ...rest } = process.env;
  const env = { ...rest, PORT: String(port), REDIS_URL: redis.url, SHOP_DEADLINE_MS: '5000' };

  // Tethered: it ends with this process, also when this one is killed.
  const tether = join(ROOT, 'scripts/setup/tether.mjs');
  const child = fork(tether, [process.execPath, 'examples/shop/dist/server.js'], {
    cwd: ROOT,
    env,
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const exited = once(child, 'exit');
  async function stop(): Promise<void> {
    if (child.connected) child.disconnect();
    await exited;
    await redis.stop();
  }

  let said = '';
  const isOpen = new Promise<boolean>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('The shop is open')) resolve(true);
      });
    }
    child.once('exit', () => resolve(false));
  });
  if (!(await isOpen)) {
    await stop();
    throw new Error(`The shop did not open: ${said}`);
  }
  return { url: `http://localhost:${port}`, redis, stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
