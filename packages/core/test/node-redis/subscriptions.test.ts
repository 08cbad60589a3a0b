import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, faultProxy } from '@turnpike/test-kit';
import * as redis6 from 'redis';
import { describe, expect, it } from 'vitest';
import { fromNodeRedis } from '../../src/node-redis/index.ts';
import { createSubscriber, listeningConnection, subscriberOf } from '../../src/subscriber.ts';
import { PROTOCOLS, nodeRedis } from './clients.ts';

const node = nodeRedis();
const { connected } = node;

describe.each(PROTOCOLS)('a subscription of %s', (_name, library, RESP) => {
  it('listens over a connection of its own, again after a loss, and tells of the gap', async () => {
    const client = await connected(library, { RESP });
    const subscriber = subscriberOf(fromNodeRedis(client));
    const heard: string[] = [];
    const listener = { message: (text: string) => void heard.push(text), missed: () => void heard.push('(missed)') };
    const stop = await subscriber.subscribe('news', listener);
    const admin = node.clients.client();
    await admin.publish('news', 'a');
    await eventually(() => expect(heard).toEqual(['a']));
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(heard).toEqual(['a', '(missed)']));
    await admin.publish('news', 'b');
    await eventually(() => expect(heard).toEqual(['a', '(missed)', 'b']));
    stop();
    await eventually(async () => expect(await admin.pubsub('NUMSUB', 'news')).toEqual(['news', 0]));
    await subscriber.subscribe('news', listener);
    client.destroy();
    await eventually(async () => expect(await admin.pubsub('NUMSUB', 'news')).toEqual(['news', 0]));
    await client.connect();
    await eventually(() => expect(heard).toEqual(['a', '(missed)', 'b', '(missed)']));
    subscriber.close();
  });
});

describe('a subscription', () => {
  it('waits for a Redis that is away, and for one that goes away while it waits', async () => {
    await using proxy = await faultProxy(node.server);
    const client = await connected(redis6, { socket: { host: proxy.host, port: proxy.port } });
    const subscriber = subscriberOf(fromNodeRedis(client));
    proxy.blackhole();
    const heard: string[] = [];
    const waiting = subscriber.subscribe('news', { message: (text) => void heard.push(text), missed: () => undefined });
    await eventually(() => expect(proxy.connections).toBe(2));
    proxy.cut();
    proxy.pass();
    await waiting;
    await node.clients.client().publish('news', 'a');
    await eventually(() => expect(heard).toEqual(['a']));
    subscriber.close();
  });

  it('that was asked for before a connection came about is heard', async () => {
    await using proxy = await faultProxy(node.server);
    const client = await connected(redis6, { socket: { host: proxy.host, port: proxy.port } });
    const subscriber = createSubscriber(() => listeningConnection(fromNodeRedis(client)));
    const heard: string[] = [];
    proxy.refuse();
    const waiting = subscriber.subscribe('news', { message: (text) => void heard.push(text), missed: () => undefined });
    await sleep(50);
    proxy.pass();
    await waiting;
    await node.clients.client().publish('news', 'a');
    await eventually(() => expect(heard).toEqual(['a']));
    subscriber.close();
  });

  it('is opened anew when node-redis has given up on its connection', async () => {
    const client = await connected(redis6, { socket: { reconnectStrategy: false } });
    const subscriber = subscriberOf(fromNodeRedis(client));
    const heard: string[] = [];
    await subscriber.subscribe('news', { message: () => undefined, missed: () => void heard.push('(missed)') });
    await node.clients.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(heard).toEqual(['(missed)']));
    subscriber.close();
  });

  it('that the server refuses is refused', async () => {
    const admin = node.clients.client();
    await admin.call('ACL', 'SETUSER', 'deaf', 'on', '>pw', '~*', '+@all', 'resetchannels');
    const client = await connected(redis6, { username: 'deaf', password: 'pw' });
    const subscriber = subscriberOf(fromNodeRedis(client));
    const listener = { message: () => undefined, missed: () => undefined };
    await expect(subscriber.subscribe('news', listener)).rejects.toThrow('NOPERM');
    subscriber.close();
    await admin.call('ACL', 'DELUSER', 'deaf');
  });
});
