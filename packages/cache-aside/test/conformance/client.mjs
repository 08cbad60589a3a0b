// Sends the tests of a suite to a cache: node client.mjs <engine> <tests> <base URL> [names…]. Their results are the last line.
import { pathToFileURL } from 'node:url';

const [engine, tests, base, ...names] = process.argv.slice(2);
const { runTests, getResults } = await import(pathToFileURL(`${engine}/client/runner.mjs`).href);
const { default: groups } = await import(pathToFileURL(`${tests}/index.mjs`).href);
const chosen = groups.map((group) => ({
  ...group,
  tests: group.tests.filter(({ id }) => names.length === 0 || names.includes(id)),
}));
await runTests(chosen, fetch, false, base);
process.stdout.write(`\n${JSON.stringify(getResults())}\n`);
