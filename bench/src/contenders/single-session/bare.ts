import type { Contender } from '../../harness/contender.ts';
import { sessionApp } from './routes.ts';

/** Everybody is Ann. */
export const contender: Contender = () =>
  sessionApp({
    before: [],
    login: async () => ({}),
    guard: (_req, _res, next) => next(),
    userOf: () => 'ann',
    logout: (_req, res) => void res.sendStatus(204),
  });
