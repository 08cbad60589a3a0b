import { type IIdempotencyDataAdapter, getSharedIdempotencyService, idempotency } from 'express-idempotency';
import adapters from 'express-idempotency-redis-adapter';
import type { Contender } from '../../harness/contender.ts';
import { orderApp } from './routes.ts';

/** As the READMEs of the two have it. After a replay it calls the handler, too, which has to ask. */
export const contender: Contender = async ({ redis: { host, port } }) => {
  const adapter = new adapters.default({ connectionConfig: { url: `redis://${host}:${port}` } });
  await adapter.connect();
  const before = idempotency({ dataAdapter: adapter as IIdempotencyDataAdapter });
  return orderApp({ before, isAnswered: (req) => getSharedIdempotencyService().isHit(req) });
};
