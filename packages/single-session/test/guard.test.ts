import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { countCommands, settableClock } from '@turnpike/test-kit';
import express5, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import express4 from 'express4';
import jwt from 'jsonwebtoken';
import request from 'supertest';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  LoginRejectedError,
  SessionEndedError,
  type SingleSessionOptions,
  passProblem,
  refusal,
  singleSession,
  writeProblem,
} from '../src/index.ts';
import { contentOf, options } from './app.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

interface Claims {
  role: 'admin' | 'user';
}

const here = (more: Partial<SingleSessionOptions> = {}) =>
  singleSession<Claims>(options(it_.clients.client(), it_.clients.prefix, more));

/** Sessions whose time the test sets. */
async function clocked(more: Partial<SingleSessionOptions> = {}) {
  const clock = await settableClock(it_.clients.client());
  return { clock, sessions: singleSession<Claims>(options(clock.client, it_.clients.prefix, more)) };
}

type Sessions = ReturnType<typeof here>;

/** Tells the error that reached the app, and nothing else does. */
const tellError: ErrorRequestHandler = (error: { code?: string; message: string; status?: number }, _req, res, _next) =>
  void res.status(error.status ?? 500).json({ told: error.code ?? error.message });

const role: Claims = { role: 'user' };

describe.each([
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
])('%s', (_version, express) => {
  const appWith = (sessions: Sessions): Express =>
    express()
      .get('/me', sessions.guard(), (req, res) => {
        const { userId, device, claims, degraded } = sessions.of(req);
        res.json({ userId, device, claims, degraded });
      })
      .post('/logout', sessions.guard(), (req, res, next) => {
        sessions.logout(req).then((ended) => res.json({ ended }), next);
      })
      .use(tellError);

  const me = (app: Express, token: string) => request(app).get('/me').set('Authorization', `Bearer ${token}`);

  it('lets a live session pass, and tells the handler whose it is', async () => {
    const sessions = here();
    const { token } = await sessions.login('ann', { claims: { role: 'admin' }, device: 'Phone' });
    const answer = await me(appWith(sessions), token).expect(200);
    expect(answer.body).toEqual({ userId: 'ann', device: 'Phone', claims: { role: 'admin' }, degraded: false });
    await request(appWith(sessions)).get('/me').set('Authorization', `bearer ${token}`).expect(200);
  });

  it('says 401 without an error to who presents nothing, as RFC 6750 §3.1 wants it', async () => {
    const app = appWith(here());
    for (const headers of [{}, { Authorization: 'Basic YW5uOnNlY3JldA==' }, { Cookie: 'token=abc' }]) {
      const answer = await request(app).get('/me').set(headers).expect(401).expect('WWW-Authenticate', 'Bearer');
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(JSON.parse(answer.text)).toMatchObject({ status: 401, code: 'session_missing' });
    }
  });

  it('says 401 session_invalid to credentials that are none', async () => {
    const app = appWith(here());
    for (const authorization of ['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a.b.c', 'Bearer a,b', 'Bearer "a"']) {
      const answer = await request(app)
        .get('/me')
        .set('Authorization', authorization)
        .expect(401)
        .expect('WWW-Authenticate', 'Bearer error="invalid_token"');
      expect(JSON.parse(answer.text)).toMatchObject({ status: 401, code: 'session_invalid' });
    }
  });

  it('says why a session is over: a stable code for each reason', async () => {
    const { clock, sessions } = await clocked({ idleMs: 60_000, absoluteMs: 300_000, limit: 4 });
    const app = appWith(sessions);
    const login = async (userId: string) => (await sessions.login(userId, { claims: role, device: userId })).token;
    const why: Record<string, string> = {};

    const revoked = await sessions.login('revoked');
    await sessions.revoke('revoked', revoked.session.handle);
    why['session_revoked'] = revoked.token;

    why['session_logged_out'] = await login('left');
    const left = request(app).post('/logout').set('Authorization', `Bearer ${why['session_logged_out']}`);
    expect((await left.expect(200)).body).toEqual({ ended: true });

    why['session_unknown'] = await login('forgotten');
    await it_.clients.client().del(...(await it_.clients.scan('*forgotten*')));

    why['session_expired'] = await login('old');
    for (let n = 0; n < 5; n += 1) {
      await clock.advance(59_999);
      await me(app, why['session_expired']).expect(200);
    }
    await clock.advance(5);

    why['session_idle'] = await login('idle');
    await clock.advance(60_000);

    for (const [code, token] of Object.entries(why)) {
      const answer = await me(app, token).expect(401).expect('WWW-Authenticate', 'Bearer error="invalid_token"');
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(JSON.parse(answer.text)).toEqual({
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        detail: expect.stringMatching(/^[A-Z].*\.$/),
        code,
      });
    }
  });

  it('tells a displaced device by which other, and when; or neither, when told to', async () => {
    const [clock, sessions] = await clocked().then((both) => [both.clock, both.sessions] as const);
    const { token } = await sessions.login('ann', { claims: role, device: 'Phone' });
    await clock.advance(1000);
    await sessions.login('ann', { device: 'Läptop "2"' });
    const answer = await me(appWith(sessions), token).expect(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    expect(JSON.parse(answer.text)).toMatchObject({
      code: 'session_replaced',
      'replaced-by': { device: 'Läptop "2"', at: new Date(clock.now()).toISOString() },
    });

    const silent = here({ tellDisplaced: false });
    const untold = JSON.parse((await me(appWith(silent), token).expect(401)).text) as object;
    expect(untold).toMatchObject({ code: 'session_replaced' });
    expect(untold).not.toHaveProperty('replaced-by');
  });

  it('a logout by a displaced device is refused at the door, and the winner stays', async () => {
    const sessions = here();
    const app = appWith(sessions);
    const loser = await sessions.login('ann');
    const winner = await sessions.login('ann');
    await request(app).post('/logout').set('Authorization', `Bearer ${loser.token}`).expect(401);
    await me(app, winner.token).expect(200);
  });

  it('hands refusals to an async onProblem, and what it throws to the app', async () => {
    const answering = here({
      onProblem: async (problem, _req, res) => {
        await new Promise((resolve) => setImmediate(resolve));
        res.statusCode = 418;
        res.end(problem.code);
      },
    });
    expect((await me(appWith(answering), 'a.b.c').expect(418)).text).toBe('session_invalid');
    const throwers: SingleSessionOptions['onProblem'][] = [
      () => {
        throw new Error('thrown');
      },
      async () => {
        throw new Error('thrown');
      },
    ];
    for (const onProblem of throwers) {
      const answer = await me(appWith(here({ ...(onProblem && { onProblem }) })), 'a.b.c').expect(500);
      expect(answer.body).toEqual({ told: 'thrown' });
    }
    // A function that throws nothing at all must not open the door.
    const nothing = here({ onProblem: () => Promise.reject() });
    expect((await me(appWith(nothing), 'a.b.c').expect(500)).body).toEqual({ told: 'ERR_TURNPIKE_CALLBACK' });
    const passing = await me(appWith(here({ onProblem: passProblem })), 'a.b.c').expect(401);
    expect(passing.body).toEqual({ told: 'ERR_TURNPIKE_REFUSED' });
  });

  it('of(req) and logout(req) without a guard are errors with a code', async () => {
    const [sessions, others] = [here(), here()];
    const app = express()
      .get('/of', (req, res) => void res.json(sessions.of(req)))
      .get('/logout', (req, _res, next) => void sessions.logout(req).catch(next))
      .get('/revoke-others', (req, _res, next) => void sessions.revokeOthers(req).catch(next))
      .get('/other', others.guard(), (req, res) => void res.json(sessions.of(req)))
      .use(tellError);
    const { token } = await sessions.login('ann');
    for (const path of ['/of', '/logout', '/revoke-others', '/other']) {
      const answer = await request(app).get(path).set('Authorization', `Bearer ${token}`).expect(500);
      expect(answer.body).toEqual({ told: 'ERR_TURNPIKE_NOT_MOUNTED' });
    }
  });

  it('a session that another singleSession() has verified is none that this one ends', async () => {
    const [sessions, others] = [here(), here()];
    const { token } = await sessions.login('ann');
    const session = await sessions.verify(token);
    await expect(others.logout(session)).rejects.toMatchObject({ code: 'ERR_TURNPIKE_NOT_MOUNTED' });
    expect(await sessions.logout(session)).toBe(true);
    const nobody = undefined as unknown as typeof session;
    await expect(sessions.logout(nobody)).rejects.toMatchObject({ code: 'ERR_TURNPIKE_NOT_MOUNTED' });
  });

  it('a login over the limit is 409 with the devices that hold the seats, and no failure to sign in', async () => {
    const sessions = here({ policy: 'reject', limit: 1 });
    const login =
      (tell: typeof writeProblem): RequestHandler =>
      (req, res, next) => {
        sessions.login('ann', { claims: role, device: req.get('User-Agent') ?? '' }).then(
          ({ token }) => res.json({ token }),
          (error: unknown) => {
            const problem = refusal(error);
            if (problem === undefined) next(error);
            else tell(problem, req, res, next);
          },
        );
      };
    const app = express()
      .post('/login', login(writeProblem))
      .post('/pass', login(passProblem))
      .post('/raw', (_req, _res, next) => void sessions.login('ann').catch(next))
      .use(tellError);
    await request(app).post('/login').set('User-Agent', 'Phone').expect(200);
    const refused = await request(app).post('/login').set('User-Agent', 'Laptop').expect(409);
    expect(refused.headers['content-type']).toBe('application/problem+json');
    expect(refused.headers['www-authenticate']).toBeUndefined();
    expect(JSON.parse(refused.text)).toMatchObject({
      status: 409,
      code: 'session_limit_reached',
      devices: [
        {
          handle: expect.stringMatching(/^[\w-]{12}$/),
          device: 'Phone',
          startedAt: expect.any(String),
          seenAt: expect.any(String),
        },
      ],
    });
    expect((await request(app).post('/pass').expect(409)).body).toEqual({ told: 'ERR_TURNPIKE_REFUSED' });
    expect((await request(app).post('/raw').expect(409)).body).toEqual({ told: 'ERR_TURNPIKE_LOGIN_REJECTED' });
    const error: unknown = await sessions.login('ann').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LoginRejectedError);
    expect(error).not.toBeInstanceOf(SessionEndedError);
  });
});

describe('the place of the token', () => {
  it('two Authorization headers are 400, whichever of them is good', async () => {
    const sessions = here();
    const { token } = await sessions.login('ann');
    const app = express5().get('/', sessions.guard(), (_req, res) => void res.end('in'));
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const say = async (...headers: string[]): Promise<string> => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      socket.write(['GET / HTTP/1.1', 'Host: shop', 'Connection: close', ...headers, '', ''].join('\r\n'));
      return text(socket);
    };
    const good = `Authorization: Bearer ${token}`;
    expect(await say(good)).toMatch(/^HTTP\/1\.1 200 .*in/s);
    const doubles = [
      [good, good],
      [good, 'authorization: Basic abc'],
      ['AUTHORIZATION: Bearer x', good],
    ];
    for (const headers of doubles) {
      expect(await say(...headers)).toMatch(/^HTTP\/1\.1 400 .*"code":"session_ambiguous"/s);
    }
    server.close();
  });

  it('is the header: a token in the query, a form, a JSON body or a cookie is never read', async () => {
    const sessions = here();
    const [{ token: annToken }, { token: bobToken }] = [await sessions.login('ann'), await sessions.login('bob')];
    const app = express5()
      .use(express5.json(), express5.urlencoded())
      .use(sessions.guard())
      .use((req, res) => void res.json(sessions.of(req).userId));
    const names = { access_token: annToken, token: annToken, authorization: `Bearer ${annToken}` };
    const requests = () => [
      request(app).get('/').query(names),
      request(app).post('/').type('form').send(names),
      request(app).post('/').send(names),
      request(app).get('/').set('Cookie', `access_token=${annToken}; token=${annToken}`),
      request(app).get('/').set('X-Authorization', `Bearer ${annToken}`),
      request(app).get('/').set('Proxy-Authorization', `Bearer ${annToken}`),
    ];
    for (const sent of requests()) {
      expect(JSON.parse((await sent.expect(401)).text)).toMatchObject({ code: 'session_missing' });
    }
    for (const sent of requests()) {
      expect((await sent.set('Authorization', `Bearer ${bobToken}`).expect(200)).body).toBe('bob');
    }
  });
});

describe('of(req)', () => {
  it('has the type of the claims', async () => {
    const sessions = here();
    const app = express5().get('/', sessions.guard(), (req, res) => {
      const session = sessions.of(req);
      expectTypeOf(session.claims).toEqualTypeOf<Claims>();
      expectTypeOf(session.userId).toBeString();
      expectTypeOf(session.seenAt).toEqualTypeOf<Date>();
      // @ts-expect-error -- a claim that no login makes
      res.json([session.claims.role, session.claims.nothing ?? null]);
    });
    // @ts-expect-error -- a role that nobody has
    const { token } = await sessions.login('ann', { claims: { role: 'king' } });
    expect((await request(app).get('/').set('Authorization', `Bearer ${token}`)).body).toEqual(['king', null]);
  });
});

describe('an app that signs its own tokens', () => {
  const APP_SECRET = 'the app’s own secret, of whatever length';

  const appWith = (sessions: Sessions): Express =>
    express5()
      .post('/login/:user', (req, res, next) => {
        sessions.claim(req.params.user, { device: req.get('User-Agent') ?? '' }).then(({ sid, gen }) => {
          res.json(jwt.sign({ uid: req.params.user, session: { sid, gen }, admin: true }, APP_SECRET));
        }, next);
      })
      .use((req, res, next) => {
        // As passport-jwt and express-jwt do.
        try {
          res.locals['auth'] = jwt.verify(req.get('Authorization')?.slice(7) ?? '', APP_SECRET);
        } catch {
          res.locals['auth'] = undefined;
        }
        Object.assign(req, { auth: res.locals['auth'] });
        next();
      })
      .use(
        sessions.guard({
          from(req) {
            const { auth } = req as unknown as { auth?: { uid: string; session: { sid: string; gen: number } } };
            return auth && { userId: auth.uid, ...auth.session };
          },
        }),
      )
      .post('/logout', (req, res, next) => void sessions.logout(req).then((ended) => res.json(ended), next))
      .get('/me', (req, res) => void res.json([sessions.of(req).userId, sessions.of(req).device]))
      .use(tellError);

  it('has one device at a time with jwt: false, claim and guard({ from })', async () => {
    const app = appWith(here({ jwt: false }));
    const login = async (device: string): Promise<string> =>
      (await request(app).post('/login/ann').set('User-Agent', device).expect(200)).body as string;
    const me = (token: string) => request(app).get('/me').set('Authorization', `Bearer ${token}`);

    const phone = await login('Phone');
    expect((await me(phone).expect(200)).body).toEqual(['ann', 'Phone']);
    const laptop = await login('Laptop');
    const refused = JSON.parse((await me(phone).expect(401)).text) as object;
    expect(refused).toMatchObject({ code: 'session_replaced', 'replaced-by': { device: 'Laptop' } });
    await me('').expect(401).expect('WWW-Authenticate', 'Bearer');
    expect((await request(app).post('/logout').set('Authorization', `Bearer ${laptop}`).expect(200)).body).toBe(true);
    expect(JSON.parse((await me(laptop).expect(401)).text)).toMatchObject({ code: 'session_logged_out' });
  });

  it('is told 401 when what from gives is no credential, and gets what from throws', async () => {
    const sessions = here({ jwt: false });
    const { sid, gen } = await sessions.claim('ann');
    const answer = (from: () => unknown) =>
      request(
        express5()
          .use(sessions.guard({ from: from as () => undefined }))
          .use((_req, res) => void res.end('in'))
          .use(tellError),
      ).get('/');
    expect((await answer(() => ({ userId: 'ann', sid, gen }))).text).toBe('in');
    for (const wrong of [
      {},
      { userId: 'ann', sid },
      { userId: 'ann', gen },
      { sid, gen },
      { userId: 'ann', sid: `${sid}=`, gen },
      { userId: 'ann', sid: [sid], gen },
      { userId: 'ann', sid, gen: `${gen}` },
      { userId: 'ann', sid, gen: 0.5 },
    ]) {
      expect(JSON.parse((await answer(() => wrong).expect(401)).text)).toMatchObject({ code: 'session_invalid' });
    }
    for (const [wrong, code] of [
      [{ userId: 'bob', sid, gen }, 'session_unknown'],
      [{ userId: 'ann', sid: 'A'.repeat(28), gen }, 'session_replaced'],
      [{ userId: 'ann', sid: 'A'.repeat(28), gen: 0 }, 'session_revoked'],
      [{ userId: 'ann', sid: 'A'.repeat(28), gen: -1 }, 'session_revoked'],
    ] as const) {
      expect(JSON.parse((await answer(() => wrong).expect(401)).text)).toMatchObject({ code });
    }
    const thrown = await answer(() => {
      throw new Error('from threw');
    }).expect(500);
    expect(thrown.body).toEqual({ told: 'from threw' });
  });

  it('is told at start-up what does not go together', async () => {
    const sessions = here({ jwt: false });
    expect(() => sessions.guard()).toThrow('option "jwt" must be');
    await expect(sessions.login('ann')).rejects.toThrow('option "jwt" must be');
    await expect(sessions.verify('a.b.c')).rejects.toThrow('option "jwt" must be');
    // @ts-expect-error -- not a function
    expect(() => sessions.guard({ from: 'header' })).toThrow('option "from" must be a function');
    // @ts-expect-error -- not a policy
    expect(() => here().guard({ onStoreError: 'allow' })).toThrow('option "onStoreError" must be one of');
    expect(() => here().guard({ maxTokenAgeMs: -1 })).toThrow('option "maxTokenAgeMs" must be');
    expect(await it_.clients.scan()).toEqual([]);
  });
});

describe('the cost', () => {
  it('of a verify is one command, touched or not, refused or not', async () => {
    const { clock, sessions } = await clocked({ idleMs: 60_000 });
    const { token } = await sessions.login('ann');
    const loser = (await sessions.login('bob')).token;
    await sessions.login('bob');
    await sessions.verify(token);
    const app = express5()
      .use(sessions.guard())
      .use((_req, res) => void res.end());
    const spent = async (what: string): Promise<string[]> => {
      const commands = await countCommands(it_.server, () =>
        request(app).get('/').set('Authorization', `Bearer ${what}`),
      );
      return commands.map(([name = '']) => name.toLowerCase());
    };
    expect(await spent(token)).toEqual(['evalsha']);
    await clock.advance(6000);
    expect(await spent(token)).toEqual(['evalsha']);
    expect(await spent(loser)).toEqual(['evalsha']);
    expect(await spent(`${token.slice(0, -9)}forgeries`)).toEqual([]);
  });

  it('of noting a use is one write for every touchEveryMs, a tenth of idleMs', async () => {
    const { clock, sessions } = await clocked({ idleMs: 60_000 });
    const redis = it_.clients.client();
    const { token } = await sessions.login('ann');
    /** How often scripts wrote while a session was used 20 times. */
    const writes = async (): Promise<number> => {
      await redis.config('RESETSTAT');
      await Promise.all(Array.from({ length: 20 }, () => sessions.verify(token)));
      return Number(/cmdstat_hset:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
    };
    expect(await writes()).toBe(0);
    for (let n = 0; n < 5; n += 1) {
      await clock.advance(5999);
      expect(await writes()).toBe(0);
      await clock.advance(1);
      expect(await writes()).toBe(1);
    }
  });

  it('of a token is one session: its id is in no other', async () => {
    const sessions = here({ limit: 100 });
    const logins = await Promise.all(Array.from({ length: 100 }, () => sessions.login('ann')));
    expect(new Set(logins.map(({ token }) => contentOf(token).sid)).size).toBe(100);
    expect(new Set(logins.map(({ token }) => contentOf(token).gen)).size).toBe(100);
  });
});
