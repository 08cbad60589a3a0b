import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const DIST = join(import.meta.dirname, '../../dist');

/** The build of the package, as processes import it. */
export const SHIPPED: string = pathToFileURL(DIST).href;

/** The package with one rule less: lines of its build, and what stands there instead. */
export interface Mutation {
  readonly file: string;
  readonly edits: readonly (readonly [line: string, instead: string])[];
}

/** A changed copy of the build, where its imports still resolve. */
export function mutantOf({ file, edits }: Mutation): { readonly dist: string; remove(): void } {
  const mutated = edits.reduce(
    (text, [line, instead]) => {
      if (text.split(line).length !== 2) throw new Error(`${file} does not hold once: ${line}`);
      return text.replace(line, () => instead);
    },
    readFileSync(join(DIST, file), 'utf8'),
  );
  const folder = mkdtempSync(join(import.meta.dirname, '../../node_modules/mutant-'));
  cpSync(DIST, folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, file), mutated);
  return { dist: pathToFileURL(folder).href, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
