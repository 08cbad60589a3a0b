import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { clientFactory, eventually, type Fleet, fleet, type FleetOptions, sharedRedis } from '../src/index.ts';
import { isAlive } from './is-alive.ts';

const MEMBER = new URL('fixtures/member.mjs', import.meta.url);

const fleetFor = <T>(task: string, count: number, { args, ...options }: FleetOptions = {}): Promise<Fleet<T>> =>
  fleet<T>(count, MEMBER, { ...options, args: { task, ...(args as object) } });

test('members know who they are, and their results come in order, as rich as structured clones', async () => {
  const members = await fleetFor('introduce', 3, { args: { word: 'ä' }, env: { FLEET_TEST: 'yes' } });
  const args = { task: 'introduce', word: 'ä' };
  expect(await members.results).toEqual(
    [0, 1, 2].map((index) => ({ index, count: 3, args, env: 'yes', big: 2n ** 70n })),
  );
  expect(members.members.filter(({ pid }) => isAlive(pid))).toEqual([]);
});

test('nobody passes a barrier before all are there, however often it is used', async () => {
  await using server = await sharedRedis();
  await using clients = clientFactory(server);
  const { prefix } = clients;
  await using members = await fleetFor<number[]>('meet', 3, { args: { url: server.url, prefix } });
  expect(await members.results).toEqual(Array.from({ length: 3 }, () => Array.from({ length: 20 }, () => 3)));
  await clients.client().del(await clients.scan());
});

describe('a member that ends without a result', () => {
  test('by an exception: results reject with its stderr, and the others are gone by then', async () => {
    const members = await fleetFor('fail', 3);
    await expect(members.results).rejects.toThrow(/member 0 ended without a result \(exit code 1\)[^]*no luck/);
    expect(members.members.filter(({ pid }) => isAlive(pid))).toEqual([]);
  });

  test('by process.exit: it is not taken for done', async () => {
    const members = await fleetFor('exitSilently', 2);
    await expect(members.results).rejects.toThrow('member 1 ended without a result (exit code 0)');
  });

  test('by a signal from elsewhere', async () => {
    const members = await fleetFor('wait', 2);
    process.kill(members.members[1]?.pid as number, 'SIGKILL');
    await expect(members.results).rejects.toThrow('member 1 ended without a result (SIGKILL)');
  });

  test('before it is up: there is no fleet', async () => {
    await expect(fleet(2, new URL('fixtures/nothing.mjs', import.meta.url))).rejects.toThrow('Cannot find module');
  });
});

test('killed from here, a member is missing in the results, and no barrier waits for it', async () => {
  await using members = await fleetFor<number>('meetWithoutTheLast', 3);
  await members.members[2]?.kill();
  expect(await members.results).toEqual([0, 1]);
});

test('stop kills all, paused ones too, and results are those there were', async () => {
  const members = await fleetFor('wait', 2);
  members.members[0]?.pause();
  await members.stop();
  expect(members.members.filter(({ pid }) => isAlive(pid))).toEqual([]);
  expect(await members.results).toEqual([]);
});

test('a fleet that takes too long is stopped, and says who was missing', async () => {
  const results = fleetFor('wait', 2, { timeoutMs: 500 }).then((members) => members.results);
  await expect(results).rejects.toThrow('not done within 500 ms: member 0, 1');
});

test('a paused member says nothing until it is resumed', async () => {
  await using members = await fleetFor('count', 1);
  let heard = 0;
  members.onMessage(() => (heard += 1));
  await eventually(() => heard > 3);
  members.members[0]?.pause();
  await sleep(20);
  const before = heard;
  await sleep(40);
  expect(heard).toBe(before);
  members.members[0]?.resume();
  await eventually(() => heard > before);
});

test('fleet and members speak to each other, from the first word', async () => {
  await using members = await fleetFor<number>('converse', 2);
  const heard: unknown[] = [];
  members.onMessage((message, index) => heard.push([index, message]));
  members.broadcast('early');
  await eventually(() => heard.length === 4);
  members.broadcast('bye');
  expect(await members.results).toEqual([0, 1]);
  for (const index of [0, 1]) {
    expect(heard).toEqual(
      expect.arrayContaining([
        [index, 'hello'],
        [index, { echo: 'early' }],
        [index, { echo: 'bye' }],
      ]),
    );
  }
});

test('a member that fills its stderr is not held up by it', async () => {
  const members = await fleetFor('chatter', 1);
  expect(await members.results).toEqual(['done']);
});

test('a parent that is killed leaves no member behind, not even a paused one', async () => {
  const parent = spawn(process.execPath, [`${import.meta.dirname}/fixtures/fleet-parent.mjs`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const pids = JSON.parse(line) as number[];
  expect(pids.filter(isAlive)).toHaveLength(2);
  parent.kill('SIGKILL');
  await eventually(() => !pids.some(isAlive));
});
