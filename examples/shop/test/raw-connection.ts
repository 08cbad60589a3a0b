import { once } from 'node:events';
import { connect } from 'node:net';
import { type Garbage, TOKEN } from './garbage.ts';

/** After so long a connection has its answer, or its end. */
const WITHIN_MS = 5_000;

/** All that comes back on a connection of its own, until the server ends it. Rejects when it does not. */
export async function send({ bytes: given, isWhole, cuts }: Garbage, token: string, port: number): Promise<string> {
  const bytes = Buffer.from(given.toString('latin1').replaceAll(TOKEN, token), 'latin1');
  const socket = connect(port, '127.0.0.1');
  let said = '';
  socket.setEncoding('latin1').on('data', (text: string) => (said += text));
  await once(socket, 'connect');
  // A server may hang up on garbage while it is still being sent.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => void socket.once('close', resolve));
  const at = cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((one, other) => one - other);
  for (const [n, from] of [0, ...at].entries()) {
    socket.write(bytes.subarray(from, at[n] ?? bytes.length));
    if (at.length > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (!isWhole) socket.end();
  let isLate = false;
  const tooLate = setTimeout(() => {
    isLate = true;
    socket.destroy();
  }, WITHIN_MS);
  await closed;
  clearTimeout(tooLate);
  if (isLate) throw new Error(`Neither answered nor ended within ${WITHIN_MS} ms. So far:\n${said}`);
  return said;
}
