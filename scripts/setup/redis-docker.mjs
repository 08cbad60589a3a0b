// A Redis in a container, on a free port of this machine only. It goes when its client, `docker run`, goes. And, for the matrix,
// a server taken out of an image, to be started without a container.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cachePath, cached } from './cache.mjs';
import { makeStartable } from './own-libraries.mjs';
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

/**
 * The path of the `server` of an official image, with the image's own C library and loader: tests start, stop and signal it like
 * any other. For a Linux whose Docker engine answers, such as the runners of GitHub; undefined where this cannot work.
 */
export async function serverOfImage(image, server) {
  const name = `${server}-${image.replaceAll(/\W/g, '-')}`;
  const folder = await cached(name, (work) => unpackImage(image, server, work));
  return folder && cachePath(name, 'bin', server);
}

async function unpackImage(image, server, work) {
  const [libraries, programs] = [join(work, 'root/usr/lib'), join(work, 'root/usr/bin')];
  for (const folder of [libraries, programs]) mkdirSync(folder, { recursive: true });
  const container = `turnpike-${server}-${process.pid}`;
  const did = async (...args) => (await run('docker', args, { timeoutMs: 180_000 })).code === 0;
  // Created, never started; it pulls the image if need be.
  if (!(await did('create', '--name', container, image))) return false;
  const hasAll =
    (await did('cp', `${container}:/usr/lib/.`, libraries)) &&
    (await did('cp', `${container}:/usr/local/bin/${server}`, programs));
  await did('rm', container);
  return hasAll && makeStartable(work, server, { ownLoader: true });
}
