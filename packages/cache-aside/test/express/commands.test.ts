import { countCommands } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import express5 from 'express';
import { expect, it } from 'vitest';
import { hitOf, siteOf, zeroOptions } from './app.ts';

const it_ = setting();

/** What a request asked of Redis, by the names of the commands: round trips. */
async function commandsOf(request: () => Promise<unknown>): Promise<string[]> {
  const commands = await countCommands(it_.server, request);
  return commands.map(([name = '']) => name.replace(/^eval$/, 'evalsha'));
}

it('a page is looked for, leased and stored in three commands, and served in one; a variant in one more', async () => {
  const { ask } = await siteOf(express5, zeroOptions(it_.clients), (req, res) => {
    if (req.path === '/varied') res.vary('Accept-Language');
    res.send('page');
  });
  await hitOf(ask, '/warm'); // the clock of the cache and that of the server are known, and the scripts
  await hitOf(ask, '/varied', { headers: { 'Accept-Language': 'de' } });

  const rendering = await commandsOf(async () => {
    await ask('/page');
    await hitOf(ask, '/page');
  });
  expect(rendering.slice(0, 2)).toEqual(['mget', 'evalsha']);
  expect(rendering.filter((name) => name === 'evalsha')).toHaveLength(2);
  expect(await commandsOf(() => ask('/page'))).toEqual(['mget']);
  expect(await commandsOf(() => ask('/varied', { headers: { 'Accept-Language': 'de' } }))).toEqual(['mget', 'mget']);
  expect(await commandsOf(() => ask('/page', { headers: { Cookie: 'a=1' } }))).toEqual([]);
});
