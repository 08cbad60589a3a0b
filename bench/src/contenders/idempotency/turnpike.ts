import { idempotency } from '@turnpike/idempotency';
import type { Contender } from '../../harness/contender.ts';
import { DEADLINE_MS, connected } from '../client.ts';
import { orderApp } from './routes.ts';

export const contender: Contender = async ({ redis: address }) => {
  const redis = await connected(address);
  return orderApp({
    before: idempotency({ redis, deadlineMs: DEADLINE_MS, scope: (req) => String(req.headers['x-user']) }),
  });
};
