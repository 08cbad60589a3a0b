import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Run, TargetReport } from './figures.ts';
import { machineText } from './markdown.ts';
import { UNEXPLAINED, missesText, unexplained } from './misses.ts';

const machine = {
  date: '2026-01-01',
  commit: 'abc',
  cpu: 'a processor',
  cores: 4,
  load: 0.2,
  os: 'an OS',
  node: 'v20',
  redis: '7',
  pinning: 'none',
  versions: {},
};

const target = (text: string, median: number): TargetReport => ({
  text,
  atMost: 1,
  unit: '×',
  value: { median, low: median, high: median },
  isMet: median <= 1,
});

const run = (...targets: TargetReport[]): Run => ({
  machine,
  rounds: 15,
  tookSeconds: 600,
  suites: [
    { suite: 'a', cases: [{ id: 'a/b', title: 'B', about: '', rows: [], out: [], targets }], crowds: [], growth: [] },
  ],
});

describe('a missed target', () => {
  it('is told with its figure and with what was said of it', () => {
    const text = missesText(run(target('near', 0.5), target('far', 2)), (id, of) => `Because of ${of} in ${id}.`);
    expect(text).toContain('1 of 2 targets are reached.');
    expect(text).toContain('- **B**: far: 2.00 ×, at most 1 was wanted. Because of far in a/b.');
  });

  it('that nobody has said anything of is named, and so is one of which an empty word was said', () => {
    const missed = run(target('near', 0.5), target('far', 2));
    expect(unexplained(missed, () => undefined)).toEqual(['B: far']);
    expect(unexplained(missed, () => ' ')).toEqual(['B: far']);
    expect(missesText(missed, () => undefined)).toContain(UNEXPLAINED);
  });

  it('has a reason wherever it is published', () => {
    const page = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const misses = page.split('\n').filter((line) => line.includes(' was wanted.'));
    expect(misses.filter((line) => line.includes(UNEXPLAINED) || line.endsWith(' was wanted.'))).toEqual([]);
  });
});

describe('a run', () => {
  it('says that the machine was not quiet, when it was not', () => {
    expect(machineText(run())).not.toContain('not quiet');
    expect(machineText({ ...run(), machine: { ...machine, load: 1.1 } })).toContain('not quiet: its load was 1.1');
  });
});
