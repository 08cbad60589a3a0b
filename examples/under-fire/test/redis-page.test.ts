import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { habitsOn } from './memory.ts';

const it_ = setting();

const page = readFileSync(join(import.meta.dirname, '../../../docs/redis.md'), 'utf8');

it('docs/redis.md shows the files that are used here', () => {
  const folder = join(import.meta.dirname, 'docs');
  const files = readdirSync(folder);
  expect(files.length).toBe(3);
  const shown = (name: string) =>
    `\`\`\`${name.split('.').at(-1)}\n${readFileSync(join(folder, name), 'utf8').trim()}\n\`\`\``;
  expect(files.filter((name) => !page.includes(shown(name)))).toEqual([]);
});

describe('the memory of docs/redis.md', () => {
  /** What the page says, in bytes. */
  const told = new Map(
    [...page.matchAll(/^\| (an? .+?) \| ([\d,]+) \|/gm)].map(([, what, bytes]) => [
      what!,
      Number(bytes!.replace(',', '')),
    ]),
  );

  /** Each as it is measured, and how much of what the page says that has to be. */
  async function compare(
    measure: (act: (user: string) => Promise<unknown>, redis: Redis) => Promise<number>,
    most: number,
  ) {
    const redis = it_.clients.client();
    const { acts, close } = await habitsOn(redis, it_.clients.prefix);
    onTestFinished(close);
    expect([...told.keys()]).toEqual(Object.keys(acts));
    for (const [what, act] of Object.entries(acts)) {
      await redis.flushall();
      const bytes = await measure(act, redis);
      const share = bytes / told.get(what)!;
      expect([what, bytes, share > 0.7 && share < most ? 'as told' : share]).toEqual([what, bytes, 'as told']);
    }
  }

  it('is what MEMORY USAGE says of the keys of one, but for their place in a second table', () =>
    compare(async (act, redis) => {
      await act('user-12345');
      const keys = (await it_.clients.scan()).filter((key) => !key.includes('{clock}'));
      const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)));
      return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
    }, 1.05));

  it.each(scale({ quick: [], full: [5_000] }))('is what Redis grows by when %i do it', (users) =>
    compare(async (act, redis) => {
      const used = async (): Promise<number> => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
      await act('user-99999');
      const before = await used();
      for (let n = 0; n < users; n += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, m) => act(`user-${10_000 + n + m}`)));
      }
      return ((await used()) - before) / users;
    }, 1.3),
  );
});
