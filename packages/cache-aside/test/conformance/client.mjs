// Sends the tests of a suite to a cache: node client.mjs <engine> <tests> <base URL> [names…]. Their results are the last line.
import { pathToFileURL } from 'node:url';

const [engine, tests, base, ...names] = process.argv.slice(2);
const { runTests, getResults } = await import(pathToFileURL(`${engine}/client/runner.mjs`).href);
const { default: groups } = await import(pathToFileURL(`${tests}/index.mjs`).href);
const chosen = groups.map((group) => ({
  ...group,
  tests: group.tests.filter(({ id }) => names.length === 0 || names.includes(id)),
}));
// Node's fetch asks caches to validate what they have, as a browser that reloads does, unless something is said in these fields.
const SAID = ['Cache-Control', 'Pragma'];
const { fetch } = globalThis;
globalThis.fetch = (url, init = {}) => {
  const given = new Headers(init.headers);
  const said = SAID.filter((name) => !given.has(name)).map((name) => [name, 'nothing']);
  return fetch(url, { ...init, headers: [...(init.headers ?? []), ...said] });
};
await runTests(chosen, globalThis.fetch, false, base);
process.stdout.write(`\n${JSON.stringify(getResults())}\n`);
