// Checks what npm would publish, as those see it who install it: packs every public package, lets publint and attw look
// at the tarballs, holds their files against the known ones (packed/lists/), installs them into fresh apps of Express 5 and 4
// (pack-fixtures/), asks for advisories, and runs those apps on a Redis: ES modules, CommonJS, TypeScript, and each in one file.
// Needs a build; `npm run check` makes one. With TURNPIKE_ADVISORIES=required a registry that tells nothing of advisories fails it,
// as before a release; otherwise that is noted. With --write-files the lists of files are written anew, and nothing else is done.
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { tmpdir } from 'node:os';
import { advisoriesIn, verdictOn } from './packed/advisories.mjs';
import { checkFiles } from './packed/file-list.mjs';
import { TSC } from './setup/compile.mjs';
import { pnpm } from './setup/pnpm.mjs';
import { startContainer } from './setup/redis-docker.mjs';
import { startServer } from './setup/redis-server.mjs';
import { serverForTests } from './setup/redis.mjs';
import { mustRun, run } from './setup/run.mjs';
import { Stop, atEnd, step, task } from './setup/task.mjs';
import { projects, root } from './setup/workspace.mjs';

const node = process.execPath;
const bin = (name) => join(root, 'node_modules', '.bin', name);
const fixture = (name) => join(root, 'scripts', 'pack-fixtures', name);
const isToWrite = process.argv.includes('--write-files');

await task(async () => {
  const work = mkdtempSync(join(tmpdir(), 'turnpike-pack-'));
  atEnd(() => rmSync(work, { recursive: true, force: true }));

  const tarballs = await step('pack', () => pack(join(work, 'tarballs')));
  await step('files', () =>
    Promise.all(
      tarballs.map((tarball) => checkFiles(/turnpike-(.*)-\d+\./.exec(basename(tarball))[1], tarball, isToWrite)),
    ),
  );
  if (isToWrite) return;
  await step('look', () => Promise.all(tarballs.map(look)));

  const server = await serverForTests();
  const redis = server ? await startServer(server) : await startContainer();
  for (const express of ['express5', 'express4']) {
    const app = join(work, express);
    await step(express, () => useIn(app, express, tarballs, redis));
    if (express === 'express5') await step('bundled', () => bundleIn(app, join(work, 'alone'), redis));
    await step('audit', (note) => audit(app, note));
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
  for (const name of [express, 'esm', 'cjs', 'ts', 'bundle']) cpSync(fixture(name), app, { recursive: true });
  const quick = ['--prefer-offline', '--no-audit', '--no-fund'];
  await mustRun('npm', ['install', ...quick, ...tarballs], { cwd: app });

  await mustRun(node, [TSC, '-p', 'tsconfig.json'], { cwd: app });
  for (const file of ['app.mjs', 'app.cjs', 'out/app.js']) await runIn(app, file, redis);
}

/** In a folder of its own, so that a bundle that needs anything else does not find it. */
async function bundleIn(app, alone, redis) {
  await mustRun(node, ['bundle.mjs'], { cwd: app });
  cpSync(join(app, 'alone'), alone, { recursive: true });
  for (const file of ['bundle.mjs', 'bundle.cjs']) await runIn(alone, file, redis);
}

async function runIn(cwd, file, redis) {
  await mustRun(node, [file], { cwd, env: { ...process.env, REDIS_URL: redis }, timeoutMs: 30_000 });
}

/** Of what an app runs with, Express and the clients included. */
async function audit(app, note) {
  const { output } = await run('npm', ['audit', '--omit=dev', '--json'], { cwd: app, timeoutMs: 60_000 });
  const isRequired = process.env.TURNPIKE_ADVISORIES === 'required';
  const { refusal, remark } = verdictOn(advisoriesIn(output), isRequired);
  if (refusal !== undefined) throw new Stop(refusal);
  note(remark);
}
