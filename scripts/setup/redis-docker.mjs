// A Redis in a container, on a free port of this machine only. It goes when its client, `docker run`, goes.
import { mustRun, run } from './run.mjs';
import { answers, untilReady } from './redis-server.mjs';
import { tethered } from './tethered.mjs';

const IMAGE = 'redis:7';

/** A client without its engine can hang for minutes: what has not answered in four seconds is not there. */
export const dockerAnswers = async () => (await run('docker', ['info'], { timeoutMs: 4_000 })).code === 0;

/** Starts a container, after pulling the image if need be. Resolves with its URL as soon as it answers. */
export async function startContainer() {
  if ((await run('docker', ['image', 'inspect', IMAGE])).code !== 0) await mustRun('docker', ['pull', IMAGE]);

  const name = `turnpike-${process.pid}`;
  const args = ['run', '--rm', '--name', name, '-p', '127.0.0.1::6379', IMAGE, '--save', ''];
  const container = tethered('docker', args, { quiet: true });
  let port;
  await untilReady(container, async () => {
    const published = await run('docker', ['port', name, '6379/tcp']);
    port = Number(/:(\d+)/.exec(published.output)?.[1]);
    return port > 0 && answers(port);
  });
  return `redis://127.0.0.1:${port}`;
}
