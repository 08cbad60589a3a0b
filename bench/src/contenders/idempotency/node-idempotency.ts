import { Idempotency, IdempotencyError, type IdempotencyParams } from '@node-idempotency/core';
import { RedisStorageAdapter } from '@node-idempotency/storage-adapter-redis';
import type { RequestHandler } from 'express';
import type { Contender } from '../../harness/contender.ts';
import { orderApp } from './routes.ts';

/** Its core, as its README has it, in a middleware by hand: the package for Express that it names cannot be installed. */
export const contender: Contender = async ({ redis: { host, port } }) => {
  const storage = new RedisStorageAdapter({ url: `redis://${host}:${port}` });
  await storage.connect();
  const idempotency = new Idempotency(storage);

  const before: RequestHandler = async (req, res, next) => {
    const params: IdempotencyParams = { headers: req.headers, path: req.path, body: req.body, method: req.method };
    try {
      const said = await idempotency.onRequest<string, never>(params);
      if (said !== undefined) {
        const { status, type } = said.additional as { status: number; type: string };
        return void res.status(status).type(type).send(said.body);
      }
    } catch (error) {
      if (!(error instanceof IdempotencyError)) return next(error);
      return void res.status(409).json({ code: error.code });
    }
    const { send } = res;
    res.send = function sendOnceStored(body: string) {
      res.send = send;
      // It is called once for an object, and once again for the text that is made of it.
      if (typeof body !== 'string') return send.call(res, body);
      const additional = { status: res.statusCode, type: res.get('content-type') };
      void idempotency.onResponse(params, { body, additional }).then(() => send.call(res, body), next);
      return res;
    };
    next();
  };
  return orderApp({ before });
};
