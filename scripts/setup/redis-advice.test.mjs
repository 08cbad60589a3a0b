import { expect, test } from 'vitest';
import { adviceFor, namesIn } from './redis-advice.mjs';

test.each([
  ['macOS', ['darwin'], 'brew install redis'],
  ['Fedora', ['fedora'], 'sudo dnf install valkey'],
  ['Rocky, by what it is like', namesIn('NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n'), 'sudo dnf'],
  ['Alpine', namesIn('NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22\n'), 'apk add redis'],
  ['Debian without a network', namesIn('ID=debian\n'), 'sudo apt-get install redis-server'],
  ['Windows', ['win32'], 'WSL'],
  ['anything else', namesIn(''), 'REDIS_URL'],
])('%s is told what to type', (_platform, names, command) => {
  expect(adviceFor(names)).toContain(command);
});
