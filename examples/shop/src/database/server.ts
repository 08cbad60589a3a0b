import { DatabaseError, Pool, type PoolClient } from 'pg';
import { type Database, DatabaseAway, type Queries } from './database.ts';

/** How long a connection, and then a statement, may take, in ms: a page that has to wait longer is better answered by 503. */
const [CONNECT_MS, STATEMENT_MS] = [1000, 3000];

/** The classes of what a server says about itself and not about a statement: connections, resources, an operator's will. */
const ABOUT_ITSELF = /^(?:08|53|57|58)/;

const isAway = (error: unknown): boolean => !(error instanceof DatabaseError) || ABOUT_ITSELF.test(error.code ?? '');

const ignore = (): void => undefined;

/** A Postgres server, by its URL. */
export function databaseServer(url: string): Database {
  const pool = new Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS,
  });
  // Of a connection that nobody uses: the next query finds out by itself. Of one that is in use its next statement tells. From its
  // first moment: a server that ends may say so in the same breath in which it is ready.
  pool.on('error', ignore).on('connect', (client) => void client.on('error', ignore));

  const orAway = async <T>(work: Promise<T>, mayHaveCommitted = false): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw isAway(error) ? new DatabaseAway(error, mayHaveCommitted) : error;
    }
  };
  const queriesOf = (client: Pool | PoolClient): Queries => ({
    async query<Row>(sql: string, values: readonly unknown[] = []) {
      const { rows } = await orAway(client.query(sql, [...values]));
      return rows as Row[];
    },
  });

  return {
    ...queriesOf(pool),
    async transaction(work) {
      const client = await orAway(pool.connect());
      let isBroken: boolean | Error = false;
      try {
        await orAway(client.query('begin'));
        const result = await work(queriesOf(client));
        await orAway(client.query('commit'), true);
        return result;
      } catch (error) {
        isBroken = error instanceof DatabaseAway;
        if (!isBroken) await client.query('rollback').catch(() => (isBroken = true));
        throw error;
      } finally {
        client.release(isBroken);
      }
    },
    async script(sql) {
      await orAway(pool.query(sql));
    },
    close: () => pool.end(),
  };
}
