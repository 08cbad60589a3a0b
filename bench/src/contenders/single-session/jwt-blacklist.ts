import { createSecretKey, randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import jwt from 'jsonwebtoken';
import type { Contender } from '../../harness/contender.ts';
import { connected } from '../client.ts';
import { SECRET, sessionApp } from './routes.ts';

/** By hand: `jwt.verify`, and a GET that says whether this token was revoked. With a KeyObject, which is its fastest form. */
export const contender: Contender = async ({ redis: address }) => {
  const redis = await connected(address);
  const key = createSecretKey(Buffer.from(SECRET));
  const options = { algorithms: ['HS256'], issuer: 'shop', audience: 'shop-web' } satisfies jwt.VerifyOptions;
  const tokens = new WeakMap<Request, jwt.JwtPayload>();

  const guard: RequestHandler = async (req, res, next) => {
    try {
      const token = jwt.verify(
        req.headers.authorization?.slice('Bearer '.length) ?? '',
        key,
        options,
      ) as jwt.JwtPayload;
      if ((await redis.get(`revoked:${token.jti}`)) !== null) return void res.sendStatus(401);
      tokens.set(req, token);
      next();
    } catch {
      res.sendStatus(401);
    }
  };

  return sessionApp({
    before: [],
    async login(_req, _res, user) {
      const token = jwt.sign({ device: 'Firefox on Linux' }, key, {
        algorithm: 'HS256',
        issuer: 'shop',
        audience: 'shop-web',
        subject: user,
        jwtid: randomUUID(),
        expiresIn: '12h',
      });
      return { authorization: `Bearer ${token}` };
    },
    guard,
    userOf: (req) => tokens.get(req)?.sub ?? '',
    async logout(req, res) {
      await redis.set(`revoked:${tokens.get(req)?.jti}`, '1', 'EX', 43_200);
      res.sendStatus(204);
    },
  });
};
