// npm run bench [-- suite…] [--publish] [--only part of an id] [--rounds n] [--profile folder]
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCrowd } from './harness/crowd.ts';
import { measureSeries } from './harness/growth.ts';
import { thisMachine } from './harness/machine.ts';
import { measureCase } from './harness/measure.ts';
import { cores, pin } from './harness/pin.ts';
import { type Effort, messageOf } from './harness/running.ts';
import { type Run, type SuiteReport, caseReport, crowdReport, growthReport } from './report/figures.ts';
import { keep, publish, published } from './report/files.ts';
import { caseText, crowdText, growthText } from './report/markdown.ts';
import { unexplained } from './report/misses.ts';
import { suites } from './suites/suites.ts';
import { why } from './suites/why.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Makes a whole run the one that is shown to all. */
    publish: { type: 'boolean', default: false },
    /** Measures nothing: makes the published pages anew, as when somebody has said why a target is missed. */
    pages: { type: 'boolean', default: false },
    /** Only what has this in its id. */
    only: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    /** Folder for a CPU profile of each contender. */
    profile: { type: 'string' },
  },
});

const refuse = (what: string): never => {
  console.error(what);
  process.exit(1);
};

const names = suites.map(({ name }) => name);
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) refuse(`There is no suite ${unknown.join(', ')}. There are ${names.join(', ')}.`);

const { profile, only = '' } = values;
const isWhole = positionals.length === 0 && only === '' && profile === undefined;
if (values.publish && !isWhole) refuse('Only a whole run is published: without names, --only and --profile.');

/** Publishes, and says of which missed targets nobody has said why. */
function show(run: Run): void {
  publish(run, why);
  const silent = unexplained(run, why);
  if (silent.length === 0) return;
  console.error('Missed, and nobody has said why. Say it beside the target, then: npm run bench -- --pages');
  for (const target of silent) console.error(`- ${target}`);
}

if (values.pages) {
  show(published());
  process.exit(0);
}

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

const startedAt = performance.now();
const machine = await thisMachine();
const reports: SuiteReport[] = [];
const runSoFar = (): Run => ({
  machine,
  rounds: effort.rounds,
  tookSeconds: Math.round((performance.now() - startedAt) / 1000),
  suites: reports,
});

/** Those that were not measured at all. */
const failed: string[] = [];

/** Measures one thing and shows it. What fails, by a whim of the machine perhaps, is tried once more, and leaves the others in peace. */
async function measure(id: string, work: () => Promise<string>, isAgain = false): Promise<void> {
  if (!id.includes(only)) return;
  try {
    const text = await work();
    say('');
    console.log(`${text}\n`);
    keep(runSoFar());
  } catch (error) {
    say('');
    console.error(`${id} was not measured: ${messageOf(error)}\n`);
    if (isAgain) failed.push(id);
    else await measure(id, work, true);
  }
}

pin(process.pid, cores.load);
for (const suite of suites) {
  if (positionals.length > 0 && !positionals.includes(suite.name)) continue;
  const report: SuiteReport = { suite: suite.name, cases: [], crowds: [], growth: [] };
  reports.push(report);
  for (const of of suite.cases ?? []) {
    await measure(of.id, async () => {
      const figures = caseReport(of, await measureCase(of, effort, say));
      report.cases.push(figures);
      return caseText(figures);
    });
  }
  for (const crowd of suite.crowds ?? []) {
    await measure(crowd.id, async () => {
      const figures = crowdReport(crowd, await measureCrowd(crowd, say));
      report.crowds.push(figures);
      return crowdText(figures);
    });
  }
  for (const series of suite.growth ?? []) {
    await measure(series.id, async () => {
      const figures = growthReport(series, await measureSeries(series, effort, say));
      report.growth.push(figures);
      return growthText(figures);
    });
  }
}

const run = runSoFar();
console.log(`${run.tookSeconds} s`);
if (failed.length > 0) refuse(`Not measured: ${failed.join(', ')}.${values.publish ? ' Nothing is published.' : ''}`);
if (values.publish) show(run);
process.exit(0);
