import { expect, test } from 'vitest';
import { missingPackages } from './redis-debian.mjs';

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
