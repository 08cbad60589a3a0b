// Writes .cache/api out of the declarations that are published: every door of every package, with its docstrings. typedoc
// needs a TypeScript of its own, since the one that builds has no API for others; npx brings both, for a release only.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachePath } from '../setup/cache.mjs';
import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { mustRun } from '../setup/run.mjs';
import { atEnd, step, task } from '../setup/task.mjs';
import { projects, root } from '../setup/workspace.mjs';

const TOOLS = ['typedoc@0.28.20', 'typescript@5.9.3'];

await task(async () => {
  await install('all');
  await compile();
  await step('api', async (note) => {
    const doors = projects()
      .filter(({ manifest }) => !manifest.private)
      .flatMap(({ folder, manifest }) =>
        Object.values(manifest.exports).flatMap(({ types }) => (types ? [join(root, folder, types)] : [])),
      );
    const out = cachePath('api');
    const options = {
      tsconfig: tsconfigFor(doors),
      name: 'Turnpike',
      readme: join(root, 'README.md'),
      out,
      // What links to Node's own docs, or from a README to the repository, leads nowhere in these pages.
      'validation.invalidLink': 'false',
      'validation.notExported': 'false',
      logLevel: 'Error',
    };
    const given = [...Object.entries(options), ...doors.map((door) => ['entryPoints', door])];
    const words = given.flatMap(([option, value]) => [`--${option}`, value]);
    await mustRun('npx', ['-y', ...TOOLS.flatMap((tool) => ['-p', tool]), '--', 'typedoc', ...words]);
    note(`${doors.length} doors, in ${out}`);
  });
});

/** Strict, as a user's may be. */
function tsconfigFor(files) {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-api-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
  };
  const file = join(folder, 'tsconfig.json');
  writeFileSync(file, JSON.stringify({ compilerOptions, files }));
  return file;
}
