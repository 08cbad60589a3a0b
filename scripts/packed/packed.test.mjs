import { expect, test } from 'vitest';
import { advisoriesIn } from './advisories.mjs';
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
