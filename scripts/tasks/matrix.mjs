// Runs the tests over the versions of Node, the clients and the servers that Turnpike is for, and prints what passed where.
// One difference at a time from where `npm test` stands, and the newest of everything together. Express 4 and 5 are in
// every line, since the tests that speak HTTP run on both.
//
//   --quick   the tests that ask most of a client and a server, on the lines that differ most: what .ci/run takes
import { join } from 'node:path';
import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { nodeOf } from '../setup/node-versions.mjs';
import { fetchServerOf } from '../setup/redis-debian.mjs';
import { serverForTests } from '../setup/redis.mjs';
import { run } from '../setup/run.mjs';
import { secondsSince, task } from '../setup/task.mjs';
import { root } from '../setup/workspace.mjs';

const DEBIAN = 'trixie';
const SERVERS = {
  'this machine’s': serverForTests,
  'Redis 8': () => fetchServerOf(DEBIAN, 'redis-server'),
  'Valkey 8': () => fetchServerOf(DEBIAN, 'valkey-server'),
};

const BASE = { node: process.versions.node.split('.')[0], client: 'ioredis6', server: 'this machine’s', isQuick: true };
const LINES = [
  { client: 'ioredis5' },
  { client: 'node-redis5' },
  { client: 'node-redis5-resp3', isQuick: false },
  { client: 'node-redis6' },
  { client: 'node-redis6-resp2', isQuick: false },
  { server: 'Redis 8' },
  { server: 'Valkey 8' },
  { node: '20', isQuick: false },
  { node: '22' },
  { node: '24', isQuick: false },
  { node: '24', client: 'node-redis6', server: 'Redis 8' },
  { node: '24', client: 'node-redis6', server: 'Valkey 8', isQuick: false },
]
  .map((line) => ({ ...BASE, ...line }))
  // That is npm test.
  .filter(({ node, client, server }) => node !== BASE.node || client !== BASE.client || server !== BASE.server);

const QUICK = [
  'packages/core/test/store.test.ts',
  'packages/core/test/subscriber.test.ts',
  'packages/rate-limit/test/scripts.test.ts',
  'packages/rate-limit/test/failures.test.ts',
  'packages/rate-limit/test/middleware.test.ts',
  'packages/single-session/test/failures.test.ts',
  'packages/single-session/test/guard.test.ts',
  'packages/idempotency/test/scripts.test.ts',
  'packages/idempotency/test/middleware.test.ts',
  'packages/cache-aside/test/scripts.test.ts',
  'packages/cache-aside/test/single-flight.test.ts',
  'packages/cache-aside/test/express/commands.test.ts',
];
const FULL = ['packages/', 'examples/'];

await task(async () => {
  const isQuick = process.argv.includes('--quick');
  await install('all');
  await compile();

  const rows = [];
  for (const line of LINES.filter((line) => line.isQuick || !isQuick)) {
    const row = await rowOf(line, isQuick ? QUICK : FULL);
    console.log(shown(row));
    rows.push(row);
  }
  const sum = (what) => rows.reduce((total, row) => total + (row[what] ?? 0), 0);
  for (const row of rows) if (row.leftOut) console.log(`left out, because ${row.leftOut}`);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
  return rows.every(({ failed, leftOut }) => leftOut || failed === 0) ? 0 : 1;
});

async function rowOf(line, files) {
  const [node, server] = [await nodeOf(line.node), await SERVERS[line.server]()];
  if (node === undefined) return { ...line, leftOut: `npm gave no node@${line.node}` };
  if (server === undefined) return { ...line, leftOut: `no package of ${line.server} could be had here` };

  const since = performance.now();
  const { CI: _, ...env } = process.env;
  Object.assign(env, { TURNPIKE_REDIS_SERVER: server, NO_COLOR: '1' });
  if (line.client !== BASE.client) env.TURNPIKE_CLIENT = line.client;
  const all = await test(node, files, env);
  // What is asked here is what a version does, not whether two files at a time are too much for this machine.
  const again = all.broken.length > 0 ? await test(node, ['--maxWorkers=1', ...all.broken], env) : all;
  const failed = again === all ? all.failed : again.failed;
  if (failed > 0) console.log(again.output.slice(again.output.indexOf('Failed Tests')).trim());
  return {
    ...line,
    node: (await run(node, ['--version'])).output.trim(),
    server: /\w+ server v=\d+\.\d+/.exec((await run(server, ['--version'])).output)?.[0].replace(' server v=', ' '),
    passed: all.passed + all.failed - failed,
    failed,
    notes: [...all.skipped, ...(again === all ? [] : [`once more, by themselves: ${all.broken.join(', ')}`])],
    seconds: secondsSince(since),
  };
}

/** One run of vitest: its counts, and the files that failed. A run that ended badly has failed, whatever it counted. */
async function test(node, files, env) {
  const { code, output } = await run(node, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...files], {
    env,
  });
  const [, passed = 0, failed = 0] = [...output.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1) ?? [];
  return {
    output,
    passed: Number(passed),
    failed: Math.max(Number(failed), code === 0 ? 0 : 1),
    broken: [...new Set([...output.matchAll(/^ *FAIL +(\S+)/gm)].map(([, file]) => file))],
    skipped: [...output.matchAll(/^\d+ skipped, because .*/gm)].map(([why]) => why),
  };
}

function shown({ node, client, server, passed, failed, notes = [], seconds, leftOut }) {
  const verdict = leftOut ? '— left out' : `${failed === 0 ? '✓' : '✗'} ${passed} passed, ${failed} failed ${seconds}`;
  return `Node ${node.padEnd(10)} ${client.padEnd(18)} ${server.padEnd(15)} Express 4, 5  ${verdict}${notes.map((note) => `\n    ${note}`).join('')}`;
}
