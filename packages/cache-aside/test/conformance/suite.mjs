import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const FIXTURE = join(import.meta.dirname, '../fixtures/proxy.mjs');
const CLIENT = join(import.meta.dirname, 'client.mjs');

/**
 * Runs a checkout of http-tests/cache-tests, whose server is the origin, against the proxy before it. Gives the tests, by name,
 * and of each `true` or why it failed.
 */
export async function runSuite(folder, profile) {
  // It has moved once.
  const engine = [join(folder, 'test-engine'), folder].find((path) => existsSync(join(path, 'server/server.mjs')));
  if (engine === undefined) throw new Error(`${folder} holds no http-tests/cache-tests`);
  const tests = join(folder, 'tests');
  const port = await freePort();
  const pidFile = join(folder, `server-${port}.pid`);
  const children = [];
  const start = (args, env) => {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return child;
  };

  const firstLine = async ({ stdout }) => {
    const [line] = await once(stdout, 'data');
    stdout.resume();
    return String(line);
  };
  const ask = async (base, names = []) => {
    const said = await text(start(['--no-warnings', CLIENT, engine, tests, base, ...names]).stdout);
    return JSON.parse(said.trimEnd().split('\n').at(-1));
  };

  try {
    const settings = { npm_config_protocol: 'http', npm_config_port: String(port), npm_config_pidfile: pidFile };
    await firstLine(start([join(engine, 'server/server.mjs')], settings));
    const proxy = start([FIXTURE], { ORIGIN: `http://localhost:${port}`, PORT: '0', PROFILE: profile });
    const [base] = /http:\S+/.exec(await firstLine(proxy)) ?? [];
    const first = await ask(base);
    // One change in eight thousand drops any given other page, too, and a hundred tests are under way at a time.
    const again = await ask(
      base,
      Object.keys(first).filter((name) => first[name] !== true),
    );
    const { default: groups } = await import(pathToFileURL(join(tests, 'index.mjs')).href);
    return {
      tests: new Map(groups.flatMap((group) => group.tests.map((test) => [test.id, test]))),
      results: { ...first, ...again },
    };
  } finally {
    for (const child of children) child.kill();
    rmSync(pidFile, { force: true });
  }
}

async function freePort() {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
