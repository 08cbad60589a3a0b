import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { DatabaseAway } from '../src/database/database.ts';
import { databaseServer } from '../src/database/server.ts';

/** A message of Postgres's protocol 3.0: its type, its length, what it says. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const AUTHENTICATION_OK = message('R', Buffer.alloc(4));
const READY_FOR_QUERY = message('Z', Buffer.from('I'));
const ENDING = message(
  'E',
  Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'),
);

it('a server that ends in the moment in which a connection is ready ends no process', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([AUTHENTICATION_OK, READY_FOR_QUERY, ENDING])));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const database = databaseServer(`postgres://shop@127.0.0.1:${(server.address() as AddressInfo).port}/shop`);
  try {
    await expect(database.transaction(({ query }) => query('select 1'))).rejects.toThrow(DatabaseAway);
    await expect(database.query('select 1')).rejects.toThrow(DatabaseAway);
  } finally {
    await database.close();
    server.close();
  }
});
