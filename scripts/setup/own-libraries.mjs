// A server that was unpacked into a folder, with what it needs beside it: started with its own libraries, and where those are of
// another release than the machine's, with its own loader.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './run.mjs';

/**
 * Makes `<folder>/bin/<server>`, which starts `<folder>/root/usr/bin/<server>`, and says whether it does.
 */
export async function makeStartable(folder, server, { ownLoader }) {
  const root = join(folder, 'root');
  const binary = join(folder, 'bin', server);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(binary, wrapper(server, libraryFolders(root), ownLoader ? loaderIn(root) : undefined), { mode: 0o755 });
  return (await run(binary, ['--version'])).code === 0;
}

/** Every folder under `root` that holds a shared library, relative to it. */
function libraryFolders(root) {
  const libraries = readdirSync(root, { recursive: true }).filter((file) => /\.so(\.[\d.]+)?$/.test(file));
  return [...new Set(libraries.map((file) => relative(root, join(root, file, '..'))))];
}

/** The dynamic loader of a C library: one of another release will not do. */
const loaderIn = (root) => readdirSync(root, { recursive: true }).find((file) => /\/ld-linux[^/]*\.so\.\d$/.test(file));

/** Finds its libraries beside itself, so that the checkout can be moved. */
export const wrapper = (server, folders, loader) => {
  const path = folders.map((folder) => `$root/${folder}`).join(':');
  const start = loader ? `"$root/${loader}" --library-path "${path}"` : '';
  return `#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/../root
${start ? '' : `export LD_LIBRARY_PATH="${path}"\n`}exec ${start && `${start} `}"$root/usr/bin/${server}" "$@"
`;
};
