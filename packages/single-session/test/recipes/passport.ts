import { type Credential, singleSession } from '@turnpike/single-session';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';
import jwt from 'jsonwebtoken';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

/** An app that signs and reads its own tokens with passport-jwt, and takes from us only that there is one session. */
export function passportApp(redis: Redis, secret: string, prefix: string): Express {
  const sessions = singleSession({ redis, prefix, jwt: false });
  const strategy = new Strategy(
    { secretOrKey: secret, jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), algorithms: ['HS256'] },
    (payload: { sub: string; sid: string; gen: number }, done) => {
      done(null, { userId: payload.sub, sid: payload.sid, gen: payload.gen });
    },
  );
  const app = express();
  app.post('/login/:user', async (req, res) => {
    const { sid, gen } = await sessions.claim(req.params.user);
    res.json({ token: jwt.sign({ sub: req.params.user, sid, gen }, secret, { expiresIn: '12h' }) });
  });
  app.get(
    '/me',
    passport.authenticate(strategy, { session: false }),
    sessions.guard({ from: (req) => (req as unknown as { user?: Credential }).user }),
    (req, res) => {
      res.json({ userId: sessions.of(req).userId });
    },
  );
  return app;
}
