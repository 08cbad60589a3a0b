import { type AddressInfo, type Socket, createServer } from 'node:net';
import { PGlite } from '@electric-sql/pglite';

// A process of its own: the embedded Postgres behind a port of this machine, for several shops that have no server. In memory: it
// ends with the process. It says its URL as soon as it takes connections.

/** A query with values is several messages, and Sync is the last of them. What begins a connection has no type. */
const [SYNC, QUERY, TERMINATE, NO_TYPE] = [0x53, 0x51, 0x58, 0];

/** What a client may ask before it begins. */
const [SSL, GSS, CANCEL] = [80_877_103, 80_877_104, 80_877_102];

const db = await PGlite.create();

let free: Promise<void> = Promise.resolve();

/** All connections share one session: one has it at a time, for a query or a transaction. Resolves to how it is given back. */
async function turn(): Promise<() => void> {
  const before = free;
  let giveBack = (): void => undefined;
  free = new Promise((resolve) => (giveBack = resolve));
  await before;
  return giveBack;
}

async function serve(socket: Socket): Promise<void> {
  let giveBack: (() => void) | undefined;
  const onRawData = (bytes: Uint8Array): void => void socket.write(Buffer.from(bytes));
  try {
    for await (const message of messagesOf(socket)) {
      const [type] = message;
      if (type === TERMINATE) break;
      giveBack ??= await turn();
      await db.execProtocolRawStream(message, { onRawData });
      const isWhole = type === SYNC || type === QUERY || type === NO_TYPE;
      if (!isWhole || db.isInTransaction()) continue;
      giveBack();
      giveBack = undefined;
    }
  } finally {
    if (giveBack !== undefined) await cleanUp().finally(giveBack);
    socket.destroy();
  }
}

/** After a connection that has gone in the midst of something. Behind an error, nothing is heard before a Sync. */
async function cleanUp(): Promise<void> {
  await db.exec('rollback');
  await db.execProtocolRaw(Buffer.from([SYNC, 0, 0, 0, 4]));
  if (db.isInTransaction()) await db.exec('rollback');
}

async function* messagesOf(socket: Socket): AsyncGenerator<Buffer> {
  let unread = Buffer.alloc(0);
  let hasBegun = false;
  for await (const chunk of socket) {
    unread = Buffer.concat([unread, chunk as Buffer]);
    for (;;) {
      const at = hasBegun ? 1 : 0;
      const end = unread.length < at + 4 ? Infinity : at + unread.readInt32BE(at);
      if (unread.length < end) break;
      const message = unread.subarray(0, end);
      unread = unread.subarray(end);
      const asked = hasBegun ? undefined : message.readInt32BE(4);
      if (asked === CANCEL) return;
      if (asked === SSL || asked === GSS) {
        socket.write('N');
        continue;
      }
      hasBegun = true;
      yield message;
    }
  }
}

const server = createServer((socket) => {
  socket.setNoDelay();
  serve(socket).catch(() => undefined); // it has been cut off
});
server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  console.log(`postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`);
});
