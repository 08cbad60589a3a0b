import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Clients,
  type RedisServer,
  clientFactory,
  eventually,
  faultProxy,
  startCluster,
  startRedis,
} from '@turnpike/test-kit';
import { type Cluster, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Subscriber,
  type SubscriberClient,
  createSubscriber,
  listeningConnection,
  subscriberOf,
} from '../src/subscriber.ts';
import { hybrid } from './client-kinds/hybrid.ts';

let server: RedisServer;
let clients: Clients<Redis, Cluster>;
const open: Subscriber[] = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  clients = clientFactory(server);
});
afterEach(async () => {
  for (const subscriber of open.splice(0)) subscriber.close();
  await clients.close();
});

const subscriberFor = (client: Redis): Subscriber => {
  const subscriber = subscriberOf(client);
  open.push(subscriber);
  return subscriber;
};

/** A listener that remembers what it heard. */
const ear = () => {
  const heard: string[] = [];
  return { heard, message: (text: string) => void heard.push(text), missed: () => void heard.push('(missed)') };
};

describe('a subscriber', () => {
  it('is one per client, and hears what is published once subscribe has resolved', async () => {
    const client = clients.client();
    const subscriber = subscriberFor(client);
    expect(subscriberOf(client)).toBe(subscriber);
    const [one, two] = [ear(), ear()];
    const stop = await subscriber.subscribe('news', one);
    await subscriber.subscribe('news', two);
    await client.publish('news', 'a');
    await eventually(() => expect([one.heard, two.heard]).toEqual([['a'], ['a']]));
    stop();
    await client.publish('news', 'b');
    await eventually(() => expect(two.heard).toEqual(['a', 'b']));
    expect(one.heard).toEqual(['a']);
  });

  it('leaves a channel with its last listener, and can come back to it', async () => {
    const client = clients.client();
    const subscriber = subscriberFor(client);
    const stop = await subscriber.subscribe('news', ear());
    stop();
    stop();
    await eventually(async () => expect(await client.pubsub('NUMSUB', 'news')).toEqual(['news', 0]));
    const again = ear();
    await subscriber.subscribe('news', again);
    await client.publish('news', 'c');
    await eventually(() => expect(again.heard).toEqual(['c']));
  });

  it('puts the client’s keyPrefix before its channels, as the client does before its keys', async () => {
    const subscriber = subscriberFor(clients.client({ keyPrefix: 'app:' }));
    const listener = ear();
    await subscriber.subscribe('news', listener);
    await clients.client().publish('app:news', 'a');
    await eventually(() => expect(listener.heard).toEqual(['a']));
  });

  it('subscribes again after a lost connection, and says so only when it hears again', async () => {
    const client = clients.client();
    const subscriber = subscriberFor(client);
    const listener = ear();
    await subscriber.subscribe('news', listener);
    for (let round = 1; round <= 3; round += 1) {
      await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      // What is published between the loss and (missed) may be lost; from (missed) on nothing is.
      await eventually(() => expect(listener.heard).toHaveLength(2 * round - 1));
      expect(listener.heard.at(-1)).toBe('(missed)');
      await client.publish('news', `after ${round}`);
      await eventually(() => expect(listener.heard.at(-1)).toBe(`after ${round}`));
    }
  });

  it('speaks RESP2, where invalidation pushes arrive, over a connection of its own', async () => {
    const client = clients.client();
    await subscriberFor(client).subscribe('news', ear());
    const list = (await client.client('LIST')) as string;
    expect(list.split('\n').filter((line) => /sub=1/.test(line) && /resp=2/.test(line))).toHaveLength(1);
  });

  it('goes on for the others when one listener throws, and warns', async () => {
    const client = clients.client();
    const subscriber = subscriberFor(client);
    const said = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const broken = (): never => {
      throw new Error('oops');
    };
    const listener = ear();
    await subscriber.subscribe('news', { message: broken, missed: broken });
    await subscriber.subscribe('news', listener);
    await client.publish('news', 'a');
    await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(listener.heard).toEqual(['a', '(missed)']));
    expect(said.mock.calls.map(([, second]) => (second as { code: string }).code)).toEqual(
      Array.from({ length: 2 }, () => 'TURNPIKE_WARN_LISTENER'),
    );
    said.mockRestore();
  });

  it('of a Cluster listens to one node, and to another when that is gone', async () => {
    await using cluster = await startCluster();
    await using own = clientFactory(cluster);
    const client = own.clusterClient();
    await once(client, 'ready');
    const subscriber = subscriberOf(client);
    open.push(subscriber);
    const listener = ear();
    await subscriber.subscribe('news', listener);
    await client.publish('news', 'a');
    await eventually(() => expect(listener.heard).toEqual(['a']));
    const listensTo = async (): Promise<number> => {
      const counts = await Promise.all(
        client.nodes('master').map(async (node) => ((await node.pubsub('NUMSUB', 'news')) as [string, number])[1]),
      );
      return counts.indexOf(1);
    };
    const before = await listensTo();
    await client.nodes('master')[before]!.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(listener.heard).toEqual(['a', '(missed)']));
    await client.publish('news', 'b');
    await eventually(() => expect(listener.heard).toEqual(['a', '(missed)', 'b']));
  }, 20_000);

  it('lives as long as its client: gone with it, and back, with the gap told, when that connects again', async () => {
    const client = clients.client();
    const subscriber = subscriberFor(client);
    const listener = ear();
    await subscriber.subscribe('news', listener);
    const admin = clients.client();
    const listening = async (): Promise<number> => Number((await admin.pubsub('NUMSUB', 'news'))[1]);
    expect(await listening()).toBe(1);
    await client.quit();
    await eventually(async () => expect(await listening()).toBe(0));
    await client.connect();
    await eventually(() => expect(listener.heard).toEqual(['(missed)']));
    await admin.publish('news', 'a');
    await eventually(() => expect(listener.heard).toEqual(['(missed)', 'a']));
  });

  it('may stand on a connection of the caller’s making, and on ioredis 5', async () => {
    const made = new Redis5(server.port, server.host);
    const subscriber = createSubscriber(() => made);
    const listener = ear();
    await subscriber.subscribe('news', listener);
    await clients.client().publish('news', 'a');
    await eventually(() => expect(listener.heard).toEqual(['a']));
    subscriber.close();
    await once(made, 'end');
  });

  it.each([
    ['5', Redis5 as unknown as typeof Redis],
    ['6', Redis],
  ])('hears what it was subscribed to while ioredis %s was still connecting', async (_version, Client) => {
    const client = new Client(server.port, server.host);
    const connection = listeningConnection(client);
    const subscriber = createSubscriber(() => connection);
    open.push(subscriber);
    const listener = ear();
    const ready = new Promise<void>((resolve) => connection.on('ready', resolve));
    const losses = vi.fn<() => void>();
    connection.on('close', losses);
    await new Promise<void>((resolve) => connection.on('connect', resolve));
    await subscriber.subscribe('news', listener);
    await ready;
    await client.publish('news', 'a');
    await eventually(() => expect(listener.heard).toEqual(['a']));
    expect(losses).not.toHaveBeenCalled();
    client.disconnect();
  });

  it('waits for a Redis that is away longer than its client would', async () => {
    await using proxy = await faultProxy(server);
    proxy.refuse();
    const { host, port } = proxy;
    const client = clients.client({ host, port, commandTimeout: 20, maxRetriesPerRequest: 0 });
    const listener = ear();
    const subscribed = subscriberFor(client).subscribe('news', listener);
    await sleep(50);
    proxy.pass();
    await subscribed;
    await clients.client().publish('news', 'a');
    await eventually(() => expect(listener.heard).toEqual(['a']));
  });

  it('is confirmed on the next connection where one broke over it, though its client sends nothing again', async () => {
    await using proxy = await faultProxy(server);
    const { host, port } = proxy;
    const client = clients.client({ host, port, autoResendUnfulfilledCommands: false });
    const [subscriber, listener] = [createSubscriber(() => listeningConnection(client)), ear()];
    open.push(subscriber);
    await subscriber.subscribe('before', ear());
    proxy.delay({ reply: 1_000 });
    const subscribed = subscriber.subscribe('news', listener);
    const admin = clients.client();
    await eventually(async () => expect(await admin.pubsub('NUMSUB', 'news')).toEqual(['news', 1]));
    proxy.cut();
    proxy.pass();
    await subscribed;
    await admin.publish('news', 'a');
    await eventually(() => expect(listener.heard).toContain('a'));
  });

  it('is told of the gap later where the server refused when the connection was back', async () => {
    const made = new Redis5({ host: server.host, port: server.port, autoResubscribe: false });
    await once(made, 'ready');
    const { subscribe } = made;
    let refusals = 0;
    Object.assign(made, {
      subscribe(...channels: string[]) {
        if (!channels.includes('news') || refusals === 0) return subscribe.apply(made, channels);
        refusals -= 1;
        return Promise.reject(new Error('BUSY Redis is busy running a script'));
      },
    });
    const subscriber = createSubscriber(() => made, { heartbeatMs: 250 });
    open.push(subscriber);
    const listener = ear();
    await subscriber.subscribe('news', listener);
    refusals = 1;
    made.disconnect(true);
    await eventually(() => expect(listener.heard).toEqual(['(missed)']));
    expect(refusals).toBe(0);
    await clients.client().publish('news', 'a');
    await eventually(() => expect(listener.heard).toEqual(['(missed)', 'a']));
  });
});

describe('a listening connection that the network has forgotten', () => {
  /** Clients to listen by: the first behind a network, the next without. */
  const ways = ({ host, port }: { host: string; port: number }): Redis[] => [
    clients.client({ host, port, disconnectTimeout: 50 }),
    clients.client(),
  ];

  it('is found out by its silence, and another one hears in its place; one that answers is kept', async () => {
    await using proxy = await faultProxy(server);
    const [first, second] = ways(proxy);
    const given: Redis[] = [];
    const connect = () => {
      const way = (given.length === 0 ? first : second) as Redis;
      given.push(way);
      return listeningConnection(way);
    };
    const subscriber = createSubscriber(connect, { heartbeatMs: 250 });
    open.push(subscriber);
    const [one, two] = [ear(), ear()];
    await subscriber.subscribe('news', one);
    const beats = async (): Promise<number> =>
      Number(/cmdstat_unsubscribe:calls=(\d+)/.exec(await clients.client().info('commandstats'))?.[1] ?? 0);
    const before = await beats();
    await eventually(async () => expect(await beats()).toBeGreaterThan(before + 2));
    expect(given).toHaveLength(1);
    proxy.blackhole();
    // Asked of the one that is gone, and answered by the other.
    await subscriber.subscribe('more', two);
    expect(given).toHaveLength(2);
    await eventually(() => expect(one.heard).toEqual(['(missed)']));
    await clients.client().publish('news', 'a');
    await clients.client().publish('more', 'b');
    await eventually(() => expect([one.heard.at(-1), two.heard.at(-1)]).toEqual(['a', 'b']));
  });

  it('may end while it subscribes anew: nobody is left with a rejection', async () => {
    await using proxy = await faultProxy(server);
    const client = clients.client({ host: proxy.host, port: proxy.port });
    const connections: SubscriberClient[] = [];
    const subscriber = createSubscriber(() => {
      const connection = listeningConnection(client);
      connections.push(connection);
      return connection;
    });
    await subscriber.subscribe('news', ear());
    const unhandled: unknown[] = [];
    const remember = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', remember);
    try {
      proxy.delay({ reply: 50 });
      proxy.cut();
      await new Promise<void>((resolve) => connections[0]!.on('ready', resolve));
      subscriber.close();
      proxy.cut();
      await sleep(100);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', remember);
    }
  });

  it('is left when its client has connected anew, and not when that connects at first', async () => {
    await using proxy = await faultProxy(server);
    await using gone = await faultProxy(server);
    const [first, second] = ways(gone);
    const client = clients.client({ host: proxy.host, port: proxy.port });
    let duplicates = 0;
    const duplicate = (override: object): unknown => {
      duplicates += 1;
      return (duplicates === 1 ? first : second)?.duplicate(override);
    };
    const subscriber = subscriberFor(hybrid(client, { duplicate }));
    const listener = ear();
    await subscriber.subscribe('news', listener);
    if (client.status !== 'ready') await once(client, 'ready');
    expect([duplicates, listener.heard]).toEqual([1, []]);
    gone.blackhole();
    proxy.cut();
    await eventually(() => expect(listener.heard).toEqual(['(missed)']));
    await clients.client().publish('news', 'a');
    await eventually(() => expect(listener.heard).toEqual(['(missed)', 'a']));
  });
});
