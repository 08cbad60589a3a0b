// The Postgres whose servers some tests start, kill and start again: Debian's package, which is not to start one itself.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall } from './apt-install.mjs';

const VERSIONS = '/usr/lib/postgresql';
const SETTINGS = '/etc/postgresql-common/createcluster.d';

/** Installs it where it is not, and this is root. @throws Stop where there is none after that */
export async function bringPostgres() {
  if (isInstalled()) return;
  if (process.getuid?.() === 0) {
    mkdirSync(SETTINGS, { recursive: true });
    writeFileSync(join(SETTINGS, 'turnpike.conf'), 'create_main_cluster = false\n');
  }
  await aptInstall('postgresql');
}

const isInstalled = () =>
  existsSync(VERSIONS) &&
  readdirSync(VERSIONS).some((version) => existsSync(join(VERSIONS, version, 'bin', 'postgres')));
