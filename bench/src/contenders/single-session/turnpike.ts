import { singleSession } from '@turnpike/single-session';
import type { Contender } from '../../harness/contender.ts';
import { DEADLINE_MS, connected } from '../client.ts';
import { SECRET, sessionApp } from './routes.ts';

export const contender: Contender = async ({ redis: address }) => {
  const redis = await connected(address);
  const sessions = singleSession({
    redis,
    deadlineMs: DEADLINE_MS,
    jwt: { secret: SECRET, algorithm: 'HS256', issuer: 'shop', audience: 'shop-web' },
  });
  return sessionApp({
    before: [],
    async login(_req, _res, user) {
      const { token } = await sessions.login(user, { device: 'Firefox on Linux' });
      return { authorization: `Bearer ${token}` };
    },
    guard: sessions.guard(),
    userOf: (req) => sessions.of(req).userId,
    async logout(req, res) {
      await sessions.logout(req);
      res.sendStatus(204);
    },
  });
};
