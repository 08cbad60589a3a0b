import express from 'express';
import type { Contender } from '../../harness/contender.ts';

const ANSWER = Buffer.from('{"id":"order-1","productId":"p1","quantity":2,"total":2400}');

/** The bytes of an answer, and nobody who finds them. */
export const contender: Contender = () => {
  const app = express();
  app.post('/orders', express.json(), (_req, res) => {
    res.writeHead(201, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': ANSWER.length });
    res.end(ANSWER);
  });
  return app;
};
