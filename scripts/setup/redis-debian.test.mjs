import { expect, test } from 'vitest';
import { missingPackages, sourceLine } from './redis-debian.mjs';

test('the packages to fetch are those that a simulated install would install, whatever they are called', () => {
  const simulation = `Reading package lists...
The following NEW packages will be installed:
  libjemalloc2 liblzf1 redis-server redis-tools
Inst libjemalloc2 (5.3.0-1 Debian:12.15/oldstable [amd64])
Inst libssl3 [3.0.14-1] (3.0.17-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst redis-server (5:7.0.15-1~deb12u10 Debian-Security:12/oldstable-security [amd64])
Conf libjemalloc2 (5.3.0-1 Debian:12.15/oldstable [amd64])
`;
  expect(missingPackages(simulation)).toEqual(['libjemalloc2', 'libssl3', 'redis-server']);
});

test('another release comes from where the running one does, on Debian only', () => {
  const targets = 'http://here/debian/ bookworm Debian\nhttp://here/debian-security/ bookworm-security Debian\n';
  expect(sourceLine(targets, 'ID=debian\nVERSION_CODENAME=bookworm\n', 'trixie')).toBe(
    'deb http://here/debian/ trixie main',
  );
  expect(sourceLine('http://there/ubuntu/ noble Ubuntu\n', 'VERSION_CODENAME=noble\n', 'trixie')).toBeUndefined();
});
