import { readFileSync, readdirSync } from 'node:fs';
import type { Database } from './database.ts';
import { embeddedDatabase } from './embedded.ts';
import { seed } from './seed.ts';
import { databaseServer } from './server.ts';

const MIGRATIONS = new URL('../../migrations/', import.meta.url);

/** Of all instances that start at once, one migrates. */
const LOCK = 20_261_125;

/** The shop's database, up to date and with something to sell: a server where there is a URL, otherwise in this process. */
export async function openDatabase(url: string | undefined): Promise<Database> {
  const database = url === undefined ? await embeddedDatabase() : databaseServer(url);
  await migrate(database);
  return database;
}

async function migrate(database: Database): Promise<void> {
  await database.script(
    'create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())',
  );
  await database.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [LOCK]);
    const applied = new Set((await tx.query<{ name: string }>('select name from migrations')).map(({ name }) => name));
    for (const name of readdirSync(MIGRATIONS).toSorted()) {
      if (applied.has(name)) continue;
      for (const statement of statementsOf(readFileSync(new URL(name, MIGRATIONS), 'utf8'))) await tx.query(statement);
      await tx.query('insert into migrations (name) values ($1)', [name]);
    }
    await seed(tx);
  });
}

/** Migrations hold plain statements: no function bodies, and no semicolon in a text. */
const statementsOf = (sql: string): string[] =>
  sql
    .replaceAll(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter(Boolean);
