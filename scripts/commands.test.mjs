import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (...path) => readFileSync(join(root, ...path), 'utf8');

const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).map((file) => join('docs', file))];
const { scripts } = JSON.parse(read('package.json'));

/** What the pages tell a reader to type, without what follows it. */
const commands = new Set(
  pages.flatMap((page) =>
    [...read(page).matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)].map(([, run, word]) => run ?? word),
  ),
);

describe('the commands of the pages', () => {
  it('are scripts that there are', () => {
    expect(commands.size).toBeGreaterThan(6);
    expect([...commands].filter((name) => !(name in scripts))).toEqual([]);
  });

  it('are run by .ci/run, nightly, or by a test at full scale; or make what .ci/run then checks', () => {
    const ci = read('scripts', 'tasks', 'verdict.mjs');
    const elsewhere = new Set([
      'start',
      'shop:cluster',
      'soak',
      'test:full',
      'bench',
      'lua',
      'pack:files',
      'changeset',
    ]);
    const isRun = (name) => new RegExp(`\\bnpm (run (--if-present )?)?${name}( -- .*)?'`, 'm').test(ci);
    expect([...commands].filter((name) => !isRun(name) && !elsewhere.has(name))).toEqual([]);
  });

  it('of packages install each by its name', () => {
    for (const name of ['rate-limit', 'single-session', 'idempotency', 'cache-aside']) {
      expect(read('packages', name, 'README.md')).toContain(`\`\`\`sh\nnpm install @turnpike/${name} ioredis\n\`\`\``);
    }
  });

  // Installs, compiles and opens a shop each: a minute on a small machine.
  const served = process.env.TURNPIKE_SCALE === 'full' ? ['start', 'shop:cluster'] : [];
  it.each(served)('npm run %s opens a shop', async (name) => {
    // Below the ports of outgoing connections, where any may be taken meanwhile; three shops take three.
    const port = randomInt(20_000, 32_000);
    const child = spawn('npm', ['run', name], {
      cwd: root,
      env: { ...process.env, PORT: String(port) },
    });
    const exited = once(child, 'exit');
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    try {
      const isOpen = () =>
        fetch(`http://127.0.0.1:${port}/healthz`)
          .then(({ ok }) => ok)
          .catch(() => false);
      while (!said.includes(`http://localhost:${port}`) || !(await isOpen())) {
        if (child.exitCode !== null) throw new Error(said);
        await sleep(50);
      }
    } finally {
      // The task behind it sees that npm has gone, and ends what it has started.
      child.kill();
      await exited;
    }
  });
});
