// What a tarball holds, against what it is known to hold (lists/<package>.txt): nothing is published unseen, nor forgotten.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../setup/run.mjs';
import { Stop } from '../setup/task.mjs';

const listOf = (name) => join(import.meta.dirname, 'lists', `${name}.txt`);

/** The files of a tarball, sorted, those that differ by their ending alone in one line: `dist/key.{d.ts,js}`. */
export function folded(paths) {
  const endings = new Map();
  for (const path of paths.toSorted()) {
    const [, stem, ending] = /^(.*?\/?[^/]+?)\.([^/]+)$/.exec(path) ?? [undefined, path, undefined];
    endings.set(stem, [...(endings.get(stem) ?? []), ...(ending === undefined ? [] : [ending])]);
  }
  return [...endings].map(([stem, all]) => {
    if (all.length === 0) return stem;
    return `${stem}.${all.length === 1 ? all[0] : `{${all.join(',')}}`}`;
  });
}

/** The lines that one of two lists has and the other has not, as `+ …` and `- …`. */
export const differences = (known, now) => [
  ...now.filter((line) => !known.includes(line)).map((line) => `+ ${line}`),
  ...known.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
];

/** @throws Stop that names what is new and what is missing; with `isToWrite` it is written down instead. */
export async function checkFiles(name, tarball, isToWrite) {
  const paths = (await mustRun('tar', ['-tzf', tarball])).trim().split('\n');
  const now = folded(paths.map((path) => path.replace(/^package\//, '')));
  if (isToWrite) return writeFileSync(listOf(name), `${now.join('\n')}\n`);
  const known = existsSync(listOf(name)) ? readFileSync(listOf(name), 'utf8').trim().split('\n') : [];
  const lines = differences(known, now);
  if (lines.length === 0) return undefined;
  throw new Stop(
    `The tarball of ${name} holds other files:\n${lines.join('\n')}\n\nIf that is right: npm run pack:files`,
  );
}
