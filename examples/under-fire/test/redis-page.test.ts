import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
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

  it.each(scale({ quick: [1_000], full: [1_000, 4_000] }))('is what Redis grows by when %i do it', async (users) => {
    const redis = it_.clients.client();
    const { acts, close } = await habitsOn(redis, it_.clients.prefix);
    onTestFinished(close);
    expect([...told.keys()]).toEqual(Object.keys(acts));
    const used = async (): Promise<number> => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
    // Other servers than the page speaks of lay their tables out in other ways.
    const [least, most] = /redis_version:7\.0/.test(await redis.info('server')) ? [0.92, 1.08] : [0.6, 1.1];
    for (const [what, act] of Object.entries(acts)) {
      // Again where connections have grown or shrunk with it, each time by what they hold for themselves.
      const grow = async (): Promise<void> => {
        await redis.flushall();
        const before = await used();
        for (let n = 0; n < users; n += 50) {
          await Promise.all(Array.from({ length: 50 }, (_, m) => act(`user-${10_000 + n + m}`)));
        }
        const bytes = ((await used()) - before) / users;
        const share = bytes / told.get(what)!;
        expect([what, bytes, share >= least && share <= most ? 'as told' : share]).toEqual([what, bytes, 'as told']);
      };
      await eventually(grow, { withinMs: 5_000 });
    }
  });
});
