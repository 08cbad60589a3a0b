import type { RequestHandler } from 'express';
import type { Contender } from '../../harness/contender.ts';
import { connected } from '../client.ts';
import { orderApp } from './routes.ts';

const DAY_S = 86_400;

/**
 * By hand, as tutorials have it: SET NX claims, the stored body answers. The variant 'replay only' is the least a replay can
 * be: one `getBuffer`, and the raw end.
 */
export const contender: Contender = async ({ redis: address, variant }) => {
  const redis = await connected(address);
  const replayOnly = variant === 'replay only';

  const before: RequestHandler = async (req, res, next) => {
    const key = `idempotency:${String(req.headers['x-user'])}:${String(req.headers['idempotency-key'])}`;
    const isFirst = !replayOnly && (await redis.set(key, '', 'EX', DAY_S, 'NX')) === 'OK';
    if (!isFirst) {
      const stored = await redis.getBuffer(key);
      if (stored !== null && stored.length > 0) {
        res.writeHead(201, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': stored.length });
        return void res.end(stored);
      }
      if (!replayOnly) return void res.status(409).json({ code: 'in_flight' });
    }
    const { json } = res;
    res.json = function jsonOnceStored(body: unknown) {
      void redis.set(key, JSON.stringify(body), 'EX', DAY_S).then(() => json.call(res, body), next);
      return res;
    };
    next();
  };
  return orderApp({ before });
};
