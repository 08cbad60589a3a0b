/** What may be asked of a database, inside of a transaction or not. */
export interface Queries {
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** Postgres: embedded in this process, or a server. */
export interface Database extends Queries {
  /** Commits when `work` resolves, and rolls back when it rejects. Rejects with a `DatabaseAway` when nobody can tell either. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>;
  /** Several statements at once, without values. */
  script(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** The database gave no answer: it is down, restarting, or too slow. */
export class DatabaseAway extends Error {
  readonly status = 503;
  /** True when a COMMIT was on its way: it may have arrived. */
  readonly mayHaveCommitted: boolean;

  constructor(cause: unknown, mayHaveCommitted = false) {
    super('The database gave no answer', { cause });
    this.name = 'DatabaseAway';
    this.mayHaveCommitted = mayHaveCommitted;
  }
}
