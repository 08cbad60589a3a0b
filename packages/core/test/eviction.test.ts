import { clientFactory, startRedis } from '@turnpike/test-kit';
import { expect, it } from 'vitest';
import { warnOfEviction } from '../src/eviction.ts';
import { storeOf } from '../src/store.ts';

it.each([
  ['allkeys-lru', ['TURNPIKE_WARN_EVICTION']],
  ['allkeys-random', ['TURNPIKE_WARN_EVICTION']],
  ['volatile-lru', ['TURNPIKE_WARN_EVICTION']],
  ['volatile-ttl', []],
  ['noeviction', []],
])('a server with maxmemory-policy %s warns with %j', async (policy, codes) => {
  await using server = await startRedis({ config: { 'maxmemory-policy': policy } });
  await using clients = clientFactory(server);
  const said: string[] = [];
  await warnOfEviction(storeOf(clients.client()), 'any', (code, message) => {
    said.push(code);
    expect(message).toContain(policy);
  });
  expect(said).toEqual(codes);
});

it('a server that is not there is no reason to fail', async () => {
  await using server = await startRedis();
  await using clients = clientFactory(server);
  const client = clients.client();
  client.disconnect();
  await warnOfEviction(storeOf(client), 'any', () => expect.unreachable());
});
