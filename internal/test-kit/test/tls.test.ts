import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { clientFactory, startRedis } from '../src/index.ts';

/** What a server says to a PING on this socket before it closes, or why there is no conversation. */
const saidTo = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
    socket.on('error', ({ message }) => (said += message));
    socket.on('close', () => resolve(said));
    socket.write('PING\r\n');
  });

test('a server with TLS is spoken to by who trusts its certificate, and by nobody else', async () => {
  await using server = await startRedis({ tls: true });
  const { host, port, tls } = server;
  await using clients = clientFactory(server);
  const redis = clients.client();
  expect(await redis.set(`${clients.prefix}:a`, '1', 'PX', 60_000)).toBe('OK');
  await clients.noKeyWithoutTtl();
  await server.restart();
  expect(await redis.ping()).toBe('PONG');

  expect(tls?.ca).toMatch(/^-----BEGIN CERTIFICATE-----/);
  expect(await saidTo(connectTls({ host, port }))).toBe('self-signed certificate');
  expect(await saidTo(connectPlain({ host, port }))).not.toContain('PONG');
});
