// Runs the tests over the versions of Node, the clients and the servers that Turnpike is for, and prints what passed where.
// One difference at a time from where `npm test` stands, and the newest of everything together. Express 4 and 5 are in
// every line, since the tests that speak HTTP run on both.
//
//   --quick        the tests that ask most of a client and a server, on the lines that differ most: what .ci/run takes
//   --line TEXT    only the lines that say so: 'Valkey 8', node-redis6
//   FILES…         these tests instead
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { noteOf, withFailedOnceMore } from '../matrix/once-more.mjs';
import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { nodeOf } from '../setup/node-versions.mjs';
import { otherServer } from '../setup/redis-other.mjs';
import { serverForTests } from '../setup/redis.mjs';
import { run } from '../setup/run.mjs';
import { secondsSince, task } from '../setup/task.mjs';
import { root } from '../setup/workspace.mjs';

const SERVERS = {
  'this machine’s': async () => ({ path: await serverForTests(), missing: 'a path is needed, not a container' }),
  'Redis 8': () => otherServer({ server: 'redis-server', release: 'trixie', image: 'redis:8' }),
  'Valkey 8': () => otherServer({ server: 'valkey-server', release: 'trixie', image: 'valkey/valkey:8' }),
};

const BASE = { node: process.versions.node.split('.')[0], client: 'ioredis6', server: 'this machine’s', isQuick: true };
const LINES = [
  { client: 'ioredis5' },
  { client: 'node-redis6.1', isQuick: false },
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
  const { values, positionals } = parseArgs({
    options: { quick: { type: 'boolean' }, line: { type: 'string' } },
    allowPositionals: true,
  });
  const files = positionals.length > 0 ? positionals : values.quick ? QUICK : FULL;
  const lines = LINES.filter((line) => (line.isQuick || !values.quick) && nameOf(line).includes(values.line ?? ''));
  await install('all');
  await compile();

  const rows = [];
  for (const line of lines) {
    const row = await rowOf(line, files);
    console.log(shown(row));
    rows.push(row);
  }
  const sum = (what) => rows.reduce((total, row) => total + row[what], 0);
  const [passed, failed] = [sum('passed'), sum('failed')];
  console.log(`\n${passed} passed, ${failed} failed`);
  if (passed === 0) console.log('No test has passed.');
  return passed > 0 && failed === 0 ? 0 : 1;
});

function nameOf({ node, client, server }) {
  return `Node ${node.padEnd(10)} ${client.padEnd(18)} ${server.padEnd(15)}`;
}

/** With CI=true, a line that ought to run here and does not counts as one that failed. */
function leftOut(line, why, isKnown) {
  const failed = process.env.CI === 'true' && !isKnown ? 1 : 0;
  return { ...line, passed: 0, failed, verdict: `left out: ${why}`, notes: [] };
}

async function rowOf(line, files) {
  const node = await nodeOf(line.node);
  if (node === undefined) return leftOut(line, `npm gave no node@${line.node}`, false);
  const server = await SERVERS[line.server]();
  if (server.path === undefined) return leftOut(line, server.missing, server.isKnown);

  const since = performance.now();
  const { CI: _, ...env } = process.env;
  Object.assign(env, { TURNPIKE_REDIS_SERVER: server.path, NO_COLOR: '1' });
  if (line.client !== BASE.client) env.TURNPIKE_CLIENT = line.client;
  const { passed, failed, skipped, again } = await withFailedOnceMore((args) => test(node, args, env), files);
  const version = /\w+ server v=\d+\.\d+/.exec((await run(server.path, ['--version'])).output)?.[0];
  return {
    ...line,
    node: (await run(node, ['--version'])).output.trim(),
    server: version?.replace(' server v=', ' ') ?? line.server,
    passed,
    failed,
    verdict: `${passed} passed, ${failed} failed ${secondsSince(since)}`,
    notes: [...skipped, ...noteOf(again)],
  };
}

/** One run of vitest: its counts, and the files that failed, of which it prints why. A run that ended badly has failed, whatever it counted. */
async function test(node, files, env) {
  const { code, output } = await run(node, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...files], {
    env,
  });
  if (code !== 0) console.log(output.slice(output.search(/Failed (Tests|Suites)|Unhandled Errors/)).trim());
  const [, passed = 0, failed = 0] = [...output.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1) ?? [];
  const broken = output.matchAll(/^ *FAIL +(\S+)|^This error originated in "(.+?)"/gm);
  return {
    passed: Number(passed),
    failed: Math.max(Number(failed), code === 0 ? 0 : 1),
    broken: [...new Set([...broken].map(([, failing, erring]) => failing ?? erring))],
    skipped: [...output.matchAll(/^\d+ skipped, because .*/gm)].map(([why]) => why),
  };
}

function shown(row) {
  const mark = row.failed > 0 ? '✗' : row.passed > 0 ? '✓' : '—';
  const notes = row.notes.map((note) => `\n    ${note}`).join('');
  return `${nameOf(row)} Express 4, 5  ${mark} ${row.verdict}${notes}`;
}
