import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { projects } from '../setup/workspace.mjs';
import { advisoriesIn, verdictOn } from './advisories.mjs';
import { doorsOf, usedDoors } from './doors.mjs';
import { differences, folded } from './file-list.mjs';

test('what differs by its ending alone is one line', () => {
  expect(
    folded(['package.json', 'dist/key.js', 'dist/key.d.ts', 'dist/key.js.map', 'lua/take.lua', 'LICENSE']),
  ).toEqual(['LICENSE', 'dist/key.{d.ts,js,js.map}', 'lua/take.lua', 'package.json']);
});

test('a file that came and one that went are named', () => {
  expect(differences(['a.js', 'b.js'], ['a.js', 'c.js'])).toEqual(['+ c.js', '- b.js']);
});

test('an advisory counts from high on, and a registry that tells nothing is not taken for a good word', () => {
  const report = (severity) =>
    JSON.stringify({ auditReportVersion: 2, vulnerabilities: { jws: { name: 'jws', severity, range: '<3.2.3' } } });
  expect(advisoriesIn(report('moderate'))).toBe('none');
  expect(advisoriesIn(`npm warn something\n${report('high')}`)).toEqual(['jws <3.2.3 (high)']);
  expect(advisoriesIn('{"message":"405 Method Not Allowed","statusCode":405,"error":{"summary":""}}\n')).toBe(
    'unknown',
  );
  expect(advisoriesIn('npm error code ENOTFOUND')).toBe('unknown');
});

test('what is not known of advisories is noted, and refused where it has to be known', () => {
  expect(verdictOn('unknown', false)).toEqual({ remark: expect.stringContaining('not known') });
  expect(verdictOn('unknown', true)).toEqual({ refusal: expect.stringContaining('not known') });
  expect(verdictOn('none', true)).toEqual({ remark: '' });
  for (const isRequired of [false, true]) {
    expect(verdictOn(['jws <3.2.3 (high)'], isRequired)).toEqual({ refusal: expect.stringContaining('jws <3.2.3') });
  }
});

test('a release and every night require it', () => {
  for (const name of ['release.yml', 'ci.yml']) {
    const { jobs } = parse(readFileSync(join(import.meta.dirname, '..', '..', '.github', 'workflows', name), 'utf8'));
    const steps = Object.values(jobs).flatMap((job) => job.steps);
    const command = name === 'release.yml' ? 'npm run check' : 'npm run test:full';
    expect(steps.find(({ run }) => run === command)?.env).toEqual({ TURNPIKE_ADVISORIES: 'required' });
  }
});

const fixtures = join(import.meta.dirname, '..', 'pack-fixtures');
const doors = projects()
  .filter(({ manifest }) => !manifest.private)
  .flatMap(({ manifest }) => doorsOf(manifest));

test('an import and a require open a door, a type does not', () => {
  expect(usedDoors("import { type L1, l1 } from '@turnpike/cache-aside/l1';\n")).toEqual(['@turnpike/cache-aside/l1']);
  expect(usedDoors("import {\n  idempotency,\n} from '@turnpike/idempotency';\n")).toEqual(['@turnpike/idempotency']);
  expect(usedDoors("const { l1 } = require('@turnpike/cache-aside/l1');\n")).toEqual(['@turnpike/cache-aside/l1']);
  expect(usedDoors("import type {\n  Store,\n} from '@turnpike/core';\n// import '@turnpike/core'\n")).toEqual([]);
});

test.each(['esm', 'cjs', 'ts'])('the packed app of %s comes in by every door of every package', (name) => {
  const used = readdirSync(join(fixtures, name)).flatMap((file) =>
    usedDoors(readFileSync(join(fixtures, name, file), 'utf8')),
  );
  expect(doors.length).toBeGreaterThan(10);
  expect(doors.filter((door) => !used.includes(door))).toEqual([]);
});
