import type { Redis } from 'ioredis';
import type { Database } from './database/database.ts';

/** What the shop stands on. */
export interface Shop {
  readonly redis: Redis;
  readonly database: Database;
  /** Begins every key in Redis. */
  readonly prefix: string;
  /** Signs the tokens; at least 32 bytes. */
  readonly secret: string;
  /** How long Redis may take, in ms, instead of what each package allows it: for a machine that is busy with tests. */
  readonly deadlineMs?: number;
}

/** What every package is given. */
export const storeOf = ({ redis, prefix, deadlineMs }: Shop): Pick<Shop, 'redis' | 'prefix' | 'deadlineMs'> =>
  deadlineMs === undefined ? { redis, prefix } : { redis, prefix, deadlineMs };
