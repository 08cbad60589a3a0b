// node tether.mjs <command> [args…]: runs a command that does not outlive whoever forked this.
//
// The tether is the IPC channel: it breaks when the other side lets go of it, and when the other side dies of whatever,
// SIGKILL included. Then the command gets SIGTERM, and SIGKILL if it does not heed it.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const GRACE_MS = 5_000;

// It may have broken before this line was reached.
if (!process.connected) process.exit();

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: 'inherit' });

const stop = () => {
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
};

process.once('disconnect', stop);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stop);

child.on('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
