// The public conformance suite for HTTP caches, through the proxy fixture:
//
//   CACHE_TESTS=/path/to/cache-tests PROFILE=safe node packages/cache-aside/test/conformance/run.mjs
//
// CACHE_TESTS is a checkout of https://github.com/http-tests/cache-tests; nothing of it has to be installed. It takes half a minute, and
// ends with 1 when something that is required fails and is not among the refusals of the profile (refusals.mjs).
import { REFUSALS } from './refusals.mjs';
import { runSuite } from './suite.mjs';

const { CACHE_TESTS, PROFILE = 'safe' } = process.env;
if (CACHE_TESTS === undefined) throw new Error('CACHE_TESTS must be the path of a checkout of http-tests/cache-tests');

const { tests, results } = await runSuite(CACHE_TESTS, PROFILE);
const say = (line) => process.stdout.write(`${line}\n`);
const kindOf = (name) => tests.get(name)?.kind ?? 'required';
const allowed = REFUSALS[PROFILE] ?? [];
const reasonFor = (name) => allowed.find(([names]) => names.test(name))?.[1];

const all = Object.keys(results);
const failed = all.filter((name) => results[name] !== true);
for (const kind of ['required', 'optimal', 'check']) {
  const ofKind = all.filter((name) => kindOf(name) === kind);
  const passed = ofKind.filter((name) => results[name] === true);
  say(`${kind.padEnd(8)} ${passed.length} of ${ofKind.length}`);
}
for (const name of failed.filter((name) => kindOf(name) === 'optimal')) say(`optimal  ${name}: ${results[name]}`);

const missed = failed.filter((name) => kindOf(name) === 'required');
for (const name of missed) {
  say(`${reasonFor(name) === undefined ? 'MISTAKE ' : 'refusal '} ${name}: ${reasonFor(name) ?? results[name]}`);
}
const idle = allowed.filter(([names]) => !missed.some((name) => names.test(name)));
for (const [names, why] of idle) say(`refusal that no test shows: ${names} (${why})`);
process.exitCode = missed.every((name) => reasonFor(name) !== undefined) ? 0 : 1;
