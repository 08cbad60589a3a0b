import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A redis-server of one test: to be killed, and to come back, empty, at the same address. */
export async function startRedisServer(binary = process.env['REDIS_SERVER'] ?? 'redis-server') {
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  await new Promise((closed) => free.close(closed));

  let server: ChildProcess;
  const start = (): void => {
    server = spawn(binary, ['--port', `${port}`, '--bind', '127.0.0.1', '--save', ''], { stdio: 'ignore' });
  };
  const kill = async (): Promise<void> => {
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  start();
  process.once('exit', () => server.kill('SIGKILL'));
  return { url: `redis://127.0.0.1:${port}`, start, kill };
}
