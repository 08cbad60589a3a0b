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
  { node: '20' },
  { node: '22' },
  { node: '24' },
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
  env.TURNPIKE_REDIS_SERVER = server;
  if (line.client !== BASE.client) env.TURNPIKE_CLIENT = line.client;
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const { code, output } = await run(node, [vitest, 'run', ...files], { env });
  const [, passed, failed] =
    (output.match(/^\d+ passed, \d+ failed/gm) ?? []).at(-1)?.match(/(\d+) passed, (\d+)/) ?? [];
  const row = {
    ...line,
    node: (await run(node, ['--version'])).output.trim(),
    server: /\w+ server v=\d+\.\d+/.exec((await run(server, ['--version'])).output)?.[0].replace(' server v=', ' '),
    passed: Number(passed ?? 0),
    // A run that ended badly has failed, whatever it counted.
    failed: Math.max(Number(failed ?? 0), code === 0 ? 0 : 1),
    skipped: [...output.matchAll(/^\d+ skipped, because .*/gm)].map(([why]) => why),
    seconds: secondsSince(since),
  };
  if (row.failed > 0) console.log(output.slice(output.indexOf('Failed Tests')).trim());
  return row;
}

function shown({ node, client, server, passed, failed, skipped = [], seconds, leftOut }) {
  const verdict = leftOut ? '— left out' : `${failed === 0 ? '✓' : '✗'} ${passed} passed, ${failed} failed ${seconds}`;
  const notes = skipped.map((why) => `\n    ${why}`).join('');
  return `Node ${node.padEnd(10)} ${client.padEnd(18)} ${server.padEnd(15)} Express 4, 5  ${verdict}${notes}`;
}
