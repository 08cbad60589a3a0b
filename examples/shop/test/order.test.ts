import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setting } from '@turnpike/test-kit/vitest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from './docs/order.ts';

const it_ = setting();

let server: Server;
beforeEach(async () => {
  const redis = it_.clients.client();
  await redis.ping();
  server = createServer(createApp(redis, it_.clients.prefix, 'thirty-two bytes or more, in a test'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const ask = (path: string, init?: RequestInit) =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, init);
const json = (body: object, headers = {}) => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

describe('docs/order-of-middlewares.md', () => {
  it('shows the app that is tested here', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/order-of-middlewares.md'), 'utf8');
    expect(page).toContain(readFileSync(join(import.meta.dirname, 'docs/order.ts'), 'utf8').trim());
  });
});

it('a page is stored once for all codings, and each gets the headers of its own request', async () => {
  const first = await ask('/products', { headers: { Origin: 'https://shop.example', 'Accept-Encoding': 'gzip' } });
  expect(first.headers.get('cache-status')).toBe('turnpike; fwd=uri-miss');
  const second = await ask('/products', { headers: { Origin: 'https://shop.example', 'Accept-Encoding': 'identity' } });
  expect(second.headers.get('cache-status')).toMatch(/hit/);
  expect([first.headers.get('content-encoding'), second.headers.get('content-encoding')]).toEqual(['gzip', null]);
  expect(await second.text()).toBe(await first.text());
  for (const { headers } of [first, second]) {
    expect(headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(headers.get('ratelimit')).toMatch(/r=\d+/);
  }
});

it('a write by who is signed in runs once, and its change is on the page', async () => {
  await ask('/products');
  const { token } = (await (await ask('/login', json({ email: 'ann@example.com' }))).json()) as { token: string };
  const sent = json({ name: 'lamp' }, { Authorization: `Bearer ${token}`, 'Idempotency-Key': 'k' });
  const [first, again] = [await ask('/products', sent), await ask('/products', sent)];
  expect([first.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 201, 'true']);
  expect(((await (await ask('/products')).json()) as { products: string[] }).products).toEqual(['mug', 'lamp']);
  expect((await ask('/products', json({ name: 'x' }))).status).toBe(401);
});

it('a preflight is answered before anybody asks for a key', async () => {
  const headers = { Origin: 'https://shop.example', 'Access-Control-Request-Method': 'POST' };
  expect((await ask('/products', { method: 'OPTIONS', headers })).status).toBe(204);
});
