// Other versions of Node than the one that runs, from npm: its package `node` brings the binary.
import { run } from './run.mjs';

/** The path of Node `major`, or undefined where it cannot be had. */
export async function nodeOf(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const args = ['-y', '-p', `node@${major}`, '--', 'node', '-p', 'process.execPath'];
  const { code, output } = await run('npx', args, { timeoutMs: 180_000 });
  return code === 0 ? output.trim().split('\n').at(-1) : undefined;
}
