import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clientFactory, eventually, startRedis } from '@turnpike/test-kit';
import { expect, it, onTestFinished } from 'vitest';
import { createApp } from '../src/app.ts';
import { ask } from '../src/ask.ts';
import { createDatabase } from '../src/database.ts';

it('names every package that does not decide by Redis', async () => {
  const server = await startRedis();
  const clients = clientFactory(server);
  const foundation = { redis: clients.client(), prefix: clients.prefix, database: createDatabase(), deadlineMs: 500 };
  const { app, close } = createApp(foundation);
  const http = createServer(app).listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(async () => {
    close();
    http.close().closeAllConnections();
    await clients.close();
    await server.stop();
  });
  const pulse = async (): Promise<unknown> => {
    const target = { instance: 0, port: (http.address() as AddressInfo).port };
    return (await ask(target, '/pulse')).json['away'];
  };
  await eventually(async () => expect(await pulse()).toEqual([]));
  server.pause();
  expect(await pulse()).toEqual(['rate-limit', 'single-session', 'idempotency', 'cache-aside']);
  server.resume();
  await eventually(async () => expect(await pulse()).toEqual([]));
});
