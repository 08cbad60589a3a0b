import type { Contender } from '../../harness/contender.ts';
import { orderApp } from './routes.ts';

/** Every request is an order. */
export const contender: Contender = () => orderApp({ before: (_req, _res, next) => next() });
