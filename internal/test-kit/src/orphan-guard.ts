import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

// It reads from a pipe that only this process holds open, so the end of the pipe is the end of this process.
const GUARD = 'read -r _; kill -9 "$1" 2>/dev/null; [ -z "$2" ] || rm -rf "$2"';

/**
 * Has the process `pid` killed and `directory` removed as soon as this process ends, however it ends: a SIGKILL leaves
 * no time for an 'exit' handler. Call the returned function when `pid` has exited, before its number is given away again.
 */
export function guardOrphan(pid: number, directory: string = ''): () => void {
  const guard = spawn('sh', ['-c', GUARD, 'turnpike-orphan-guard', String(pid), directory], {
    // Out of the process group: a Ctrl-C is for us, and the guard has work to do after it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const pipe = guard.stdin as Socket;
  guard.on('error', () => undefined);
  pipe.on('error', () => undefined);
  guard.unref();
  pipe.unref();
  return () => {
    guard.kill('SIGKILL');
    pipe.destroy();
  };
}
