// Checks what npm would publish, as those see it who install it: packs every public package, lets publint and attw look
// at the tarballs, installs them into fresh apps of Express 5 and 4 (pack-fixtures/), and runs and compiles those.
// Needs a build; `npm run check` makes one.
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TSC } from './setup/compile.mjs';
import { pnpm } from './setup/pnpm.mjs';
import { startContainer } from './setup/redis-docker.mjs';
import { startServer } from './setup/redis-server.mjs';
import { serverForTests } from './setup/redis.mjs';
import { mustRun } from './setup/run.mjs';
import { atEnd, step, task } from './setup/task.mjs';
import { projects, root } from './setup/workspace.mjs';

const node = process.execPath;
const bin = (name) => join(root, 'node_modules', '.bin', name);
const fixture = (name) => join(root, 'scripts', 'pack-fixtures', name);

await task(async () => {
  const work = mkdtempSync(join(tmpdir(), 'turnpike-pack-'));
  atEnd(() => rmSync(work, { recursive: true, force: true }));

  const tarballs = await step('pack', () => pack(join(work, 'tarballs')));
  await step('look', () => Promise.all(tarballs.map(look)));

  const server = await serverForTests();
  const redis = server ? await startServer(server) : await startContainer();
  for (const express of ['express5', 'express4']) {
    await step(express, () => useIn(join(work, express), express, tarballs, redis));
  }
});

async function pack(folder) {
  const published = projects().filter(({ manifest }) => !manifest.private);
  const filters = published.flatMap(({ manifest }) => ['--filter', manifest.name]);
  await pnpm([...filters, 'pack', '--pack-destination', folder]);
  return readdirSync(folder).map((name) => join(folder, name));
}

async function look(tarball) {
  await mustRun(bin('publint'), ['run', tarball, '--strict']);
  // The profile knows that require() of an ES module is fine, and that nobody resolves like Node 10 any more.
  await mustRun(bin('attw'), [tarball, '--profile', 'esm-only', '--no-emoji']);
}

async function useIn(app, express, tarballs, redis) {
  for (const name of [express, 'esm', 'cjs', 'ts']) cpSync(fixture(name), app, { recursive: true });
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock'];
  await mustRun('npm', ['install', ...quick, ...tarballs], { cwd: app });

  const env = { ...process.env, REDIS_URL: redis };
  await mustRun(node, ['app.mjs'], { cwd: app, env, timeoutMs: 30_000 });
  await mustRun(node, ['app.cjs'], { cwd: app, env, timeoutMs: 30_000 });
  await mustRun(node, [TSC, '-p', 'tsconfig.json'], { cwd: app });
}
