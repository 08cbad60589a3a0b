import { spawnSync } from 'node:child_process';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { PortTaken, type RedisProcess } from './redis-process.ts';

const IMAGE = 'redis:7-alpine';

const VERB = { SIGSTOP: ['pause'], SIGCONT: ['unpause'], SIGKILL: ['rm', '--force'] };

/** One run of a Redis in a container, on `port` of this machine, with the redis.conf and the data in `directory`. */
export async function launchInDocker(directory: string, port: number): Promise<RedisProcess> {
  const started = await new GenericContainer(IMAGE)
    // What it writes has to be ours to remove.
    .withUser(`${process.getuid?.()}:${process.getgid?.()}`)
    .withBindMounts([{ source: directory, target: '/data' }])
    .withExposedPorts({ container: port, host: port })
    // What redis.conf says of the machine is not true inside, where the tests come from another address.
    .withCommand('redis-server /data/redis.conf --dir /data --bind 0.0.0.0 --protected-mode no'.split(' '))
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .start()
    .catch((cause: Error) => {
      throw cause.message.includes('already allocated') ? new PortTaken(cause.message, { cause }) : cause;
    });
  const runtime = await getContainerRuntimeClient();
  const container = runtime.container.getById(started.getId());
  const { State } = await container.inspect();
  return {
    pid: State.Pid,
    exited: container.wait().catch(() => undefined),
    signal(name) {
      spawnSync('docker', [...VERB[name], started.getId()]);
    },
  };
}
