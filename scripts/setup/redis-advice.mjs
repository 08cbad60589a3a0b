// The one sentence for a machine on which no Redis was found: what to type.
import { readFileSync } from 'node:fs';

const COMMANDS = {
  darwin: 'brew install redis',
  debian: 'sudo apt-get install redis-server',
  ubuntu: 'sudo apt-get install redis-server',
  fedora: 'sudo dnf install valkey || sudo dnf install redis',
  rhel: 'sudo dnf install valkey || sudo dnf install redis',
  alpine: 'apk add redis',
  arch: 'sudo pacman -S valkey',
};

/** `names`, most specific first, as in ID and ID_LIKE of /etc/os-release; darwin and win32 as Node calls them. */
export function adviceFor(names) {
  if (names.includes('win32')) return 'Run this inside WSL, or start Docker Desktop, or set REDIS_URL.';
  const command = names.map((name) => COMMANDS[name]).find(Boolean);
  return command
    ? `Get one with: ${command}`
    : 'Put a redis-server or valkey-server on PATH, start Docker, or set REDIS_URL.';
}

export function thisPlatform() {
  return process.platform === 'linux' ? namesIn(osRelease()) : [process.platform];
}

/** ID, then ID_LIKE: `ID=rocky`, `ID_LIKE="rhel centos fedora"` → rocky, rhel, centos, fedora. */
export const namesIn = (release) =>
  ['ID', 'ID_LIKE'].flatMap((key) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(release)?.[1].split(' ') ?? []);

function osRelease() {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}
