// Where a Redis comes from. On a machine that has none, the first source that works:
//
//   npm start   REDIS_URL · a server on PATH · Docker · the distribution's own package, unpacked into .cache/redis
//   npm test    a server on PATH · the distribution's package · Docker (the test kit starts containers itself)
//
// TURNPIKE_REDIS_SERVER names the server to start; TURNPIKE_REDIS=docker leaves out what would come before Docker.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { adviceFor, thisPlatform } from './redis-advice.mjs';
import { cachedServer, fetchServer } from './redis-debian.mjs';
import { dockerAnswers, startContainer } from './redis-docker.mjs';
import { startServer } from './redis-server.mjs';
import { Stop, step } from './task.mjs';

const { REDIS_URL, TURNPIKE_REDIS, TURNPIKE_REDIS_SERVER, TURNPIKE_TEST_REDIS_URL, PATH = '' } = process.env;
const dockerOnly = TURNPIKE_REDIS === 'docker';

/** The URL of the Redis of npm start. What is started here ends with the task. */
export const redisForShop = () =>
  step('redis', async (note) => {
    if (REDIS_URL) {
      note('REDIS_URL');
      return REDIS_URL;
    }
    const installed = installedServer();
    if (!installed && (await dockerAnswers())) {
      note('in Docker');
      return startContainer();
    }
    if (dockerOnly) throw new Stop('TURNPIKE_REDIS=docker, but Docker does not answer.');
    const server = installed ?? (await fetchServer());
    if (!server) throw new Stop(`The shop needs a Redis. ${adviceFor(thisPlatform())}`);
    note(server);
    return startServer(server);
  });

/** The server that the tests start by the dozen, as a path; undefined when they have to do with something else. */
export async function serverForTests() {
  const installed = installedServer();
  if (installed || dockerOnly) return installed;

  return step('redis', async (note) => {
    const fetched = await fetchServer();
    if (fetched) note(fetched);
    else if (await dockerAnswers()) note('in Docker');
    else if (TURNPIKE_TEST_REDIS_URL) note('TURNPIKE_TEST_REDIS_URL, but none that a test may stop');
    else throw new Stop(`The tests need a Redis. ${adviceFor(thisPlatform())}`);
    return fetched;
  });
}

function installedServer() {
  if (dockerOnly) return undefined;
  const folders = PATH.split(delimiter).filter(Boolean);
  const onPath = folders.flatMap((folder) => ['redis-server', 'valkey-server'].map((name) => join(folder, name)));
  return [TURNPIKE_REDIS_SERVER, ...onPath, cachedServer].find((file) => file && isExecutable(file));
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
