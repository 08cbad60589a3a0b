import { PGlite } from '@electric-sql/pglite';
import type { Database } from './database.ts';

/** Postgres in this process, in memory: it ends with it, and no second process may have it. */
export async function embeddedDatabase(): Promise<Database> {
  const pglite = await PGlite.create();
  return {
    async query<Row>(sql: string, values: readonly unknown[] = []) {
      return (await pglite.query<Row>(sql, [...values])).rows;
    },
    transaction: (work) =>
      pglite.transaction((tx) =>
        work({
          async query<Row>(sql: string, values: readonly unknown[] = []) {
            return (await tx.query<Row>(sql, [...values])).rows;
          },
        }),
      ),
    async script(sql) {
      await pglite.exec(sql);
    },
    close: () => pglite.close(),
  };
}
