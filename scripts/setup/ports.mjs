// Ports of this machine: which one the shop was given, whether it is free, and one that nobody has.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Stop } from './task.mjs';

/** The value of PORT as a number; 0 lets the system choose. */
export function portFrom(value = '3000') {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port > 65_535)
    throw new Stop(`PORT must be a number from 0 to 65535, and is "${value}".`);
  return port;
}

/** Before anything slow: a shop that cannot listen is not worth an install. */
export async function mustBeFree(port) {
  // Both: a listener on one address leaves the other free on some systems.
  for (const host of [undefined, '127.0.0.1']) {
    try {
      await listenOnce(port, host);
    } catch (error) {
      if (error.code === 'EADDRINUSE') {
        throw new Stop(`Port ${port} is busy. Choose another one: PORT=${port + 1} npm start`);
      }
      if (error.code === 'EACCES')
        throw new Stop(`Port ${port} is not allowed to this user. Choose another one: PORT=3000 npm start`);
      throw error;
    }
  }
}

export const freePort = () => listenOnce(0, '127.0.0.1');

async function listenOnce(port, host) {
  const server = createServer().listen({ port, host });
  await once(server, 'listening');
  const { port: bound } = server.address();
  server.close();
  await once(server, 'close');
  return bound;
}
