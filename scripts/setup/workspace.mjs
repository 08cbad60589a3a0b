// Where the repository is, and which projects pnpm-workspace.yaml makes it of.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Every project of the workspace but the root: its folder, relative to the root, and its package.json. */
export function projects() {
  const [, list] = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8').match(/^packages:\n((?: {2}- .*\n)+)/m);
  return [...list.matchAll(/- (\S+)/g)]
    .flatMap(([, glob]) => (glob.endsWith('/*') ? childrenOf(glob.slice(0, -2)) : [glob]))
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) }));
}

/** What is not ours to read, and may come and go while it is read. */
const NOT_OURS = new Set(['node_modules', 'dist', '.git', '.cache']);

/** Every file of ours below a folder, relative to it. */
export function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !NOT_OURS.has(name))
    .flatMap((entry) =>
      entry.isDirectory() ? filesUnder(join(folder, entry.name)).map((file) => `${entry.name}/${file}`) : [entry.name],
    );
}

const childrenOf = (folder) =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : [];
