// A private Redis for one npm start: on a port of its own, for this machine only, and nothing of it is kept.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.mjs';
import { Stop, atEnd, isEnding } from './task.mjs';
import { tethered } from './tethered.mjs';

/** Starts the server at this path. Resolves with its URL as soon as it answers. */
export async function startServer(binary) {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-redis-'));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));

  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = tethered(binary, args, { quiet: true });
  await untilReady(server, () => answers(port));
  return `redis://127.0.0.1:${port}`;
}

/** Resolves when `isReady` says so. From then on the server may die: what the shop does then is what it is there to show. */
export async function untilReady(server, isReady) {
  const giveUpAt = performance.now() + 20_000;
  while (!(await isReady())) {
    const code = await Promise.race([server.exited, sleep(20)]);
    if (code !== undefined) throw new Stop(`${server.said().trim()}\n\nRedis would not start: it ended with ${code}.`);
    if (performance.now() > giveUpAt) throw new Stop('Redis has not answered for 20 seconds.');
  }
  void server.exited.then(() => isEnding() || console.error('Redis has ended; the shop goes on without it.'));
}

/** Whether a Redis on this port of this machine answers a PING. */
export const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.on('error', () => settle(false)).on('data', (data) => settle(data.toString().startsWith('+PONG')));
  });
