import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';
import type { Contender } from '../../harness/contender.ts';
import { SECRET, sessionApp } from './routes.ts';

declare module 'express-session' {
  interface SessionData {
    user: string;
    device: string;
  }
}

/** As the README of connect-redis has it: a session that is read, and touched with every request. */
export const contender: Contender = async ({ redis: { host, port } }) => {
  const client = createClient({ socket: { host, port } });
  await client.connect();
  return sessionApp({
    before: [
      session({
        store: new RedisStore({ client, prefix: 'myapp:' }),
        resave: false,
        saveUninitialized: false,
        secret: SECRET,
      }),
    ],
    async login(req, _res, user) {
      req.session.user = user;
      req.session.device = 'Firefox on Linux';
      return {};
    },
    guard: (req, res, next) => void (req.session.user === undefined ? res.sendStatus(401) : next()),
    userOf: (req) => req.session.user ?? '',
    logout: (req, res) => void req.session.destroy(() => res.sendStatus(204)),
  });
};
