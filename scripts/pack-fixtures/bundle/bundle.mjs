// The apps beside this file, each as one file that needs no node_modules: bundled by esbuild, as for a container or a function.
import { build } from 'esbuild';

const common = { bundle: true, platform: 'node', target: 'node20', logLevel: 'error' };

await build({ ...common, entryPoints: ['app.cjs'], format: 'cjs', outfile: 'alone/bundle.cjs' });
// Express is CommonJS: in a bundle of ES modules it asks for Node's own modules by a `require` that is not there.
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
await build({
  ...common,
  entryPoints: ['app.mjs'],
  format: 'esm',
  outfile: 'alone/bundle.mjs',
  banner: { js: banner },
});
