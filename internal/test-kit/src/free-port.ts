import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the ranges that Linux and macOS hand out to outgoing connections: a client that keeps knocking at a closed port
// of those ranges can end up connected to itself, and then the server cannot have its port back.
const FIRST = 10_240;
const LAST = 19_999;

/** Redis Cluster nodes speak to each other on their port + 10000. Servers and buses take disjoint ranges here. */
const BUS_OFFSET = 10_000;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });

/**
 * A port of 127.0.0.1 that nobody listens on, from 10240 to 19999, whose port + 10000 is free too when `withBus`. It may
 * be taken by somebody else before it is used: whoever binds it has to be ready to ask again.
 */
export async function freePort({ withBus = false }: { withBus?: boolean } = {}): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(FIRST, LAST + 1);
    if ((await isFree(port)) && (!withBus || (await isFree(port + BUS_OFFSET)))) return port;
  }
  throw new Error(`No free port on 127.0.0.1 between ${FIRST} and ${LAST} in 200 attempts`);
}
