// npm run bench [-- suite…] [--profile folder]
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Effort, measureCase } from './harness/measure.ts';
import { measureCrowd } from './harness/crowd.ts';
import { thisMachine } from './harness/machine.ts';
import { cores, pin } from './harness/pin.ts';
import { type SuiteReport, caseReport, crowdReport } from './report/figures.ts';
import { publish, saveSuite } from './report/files.ts';
import { type Why, caseText, crowdText } from './report/markdown.ts';
import { suites } from './suites/suites.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Folder for a CPU profile of each contender. */
    profile: { type: 'string' },
    /** Only cases whose id contains this; nothing is written. */
    only: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    /** Measures nothing, and makes the pages anew of what is kept. */
    publish: { type: 'boolean', default: false },
  },
});

const unknown = positionals.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`There is no suite ${unknown.join(', ')}. There are ${suites.map(({ name }) => name).join(', ')}.`);
  process.exit(1);
}

const { profile, only = '' } = values;
if (profile !== undefined) mkdirSync(profile, { recursive: true });
const effort: Effort = {
  rounds: Number(values.rounds),
  roundMs: 300,
  warmUpMs: 1200,
  profileInto: profile === undefined ? undefined : resolve(profile),
};

const say = (what: string): void => {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${what}`);
};

const why: Why = (caseId, text) =>
  suites
    .flatMap(({ cases }) => cases)
    .find(({ id }) => id === caseId)
    ?.targets?.find((target) => target.text === text)?.why;

if (values.publish) {
  publish(why);
  process.exit(0);
}

pin(process.pid, cores.load);
const startedAt = performance.now();
for (const suite of suites) {
  if (positionals.length > 0 && !positionals.includes(suite.name)) continue;
  const report: SuiteReport = { suite: suite.name, machine: await thisMachine(), cases: [], crowds: [] };
  for (const of of suite.cases.filter(({ id }) => id.includes(only))) {
    const figures = caseReport(of, await measureCase(of, effort, say));
    report.cases.push(figures);
    say('');
    console.log(`${caseText(figures)}\n`);
  }
  for (const crowd of suite.crowds.filter(({ id }) => id.includes(only))) {
    const figures = crowdReport(crowd, await measureCrowd(crowd, say));
    report.crowds.push(figures);
    say('');
    console.log(`${crowdText(figures)}\n`);
  }
  if (only === '' && profile === undefined) saveSuite(report);
}
if (only === '' && profile === undefined) publish(why);
console.log(`${Math.round((performance.now() - startedAt) / 1000)} s`);
process.exit(0);
