import { once } from 'node:events';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { settableClock } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import express5, { type Request, type Response } from 'express';
import express4 from 'express4';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { type CookieOptions, cookieSessions } from '../src/cookie/index.ts';
import { type SingleSessionOptions, passProblem, refusal, singleSession } from '../src/index.ts';
import { options } from './app.ts';

type Claims = { role?: string };

const it_ = setting();

const here = (more: Partial<SingleSessionOptions> = {}, how: CookieOptions = {}) => {
  const sessions = singleSession<Claims>(options(it_.clients.client(), it_.clients.prefix, more));
  return { sessions, cookies: cookieSessions(sessions, how) };
};

const SAME = { 'Sec-Fetch-Site': 'same-origin' };

const cookie = (token: string) => ({ Cookie: `theme=dark; __Host-session=${token}; lang=en` });

const codeOf = (answer: { text: string }) => (JSON.parse(answer.text) as { code: string }).code;

const setCookies = (answer: { headers: Record<string, unknown> }) =>
  answer.headers['set-cookie'] as string[] | undefined;

const CLEARED = '__Host-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax';

describe.each([
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
])('%s', (_version, express) => {
  const appWith = ({ cookies }: ReturnType<typeof here>) => {
    const app = express();
    app.post('/login', (req, res, next) => {
      cookies
        .login(req, res, 'ann', { claims: { role: 'admin' }, device: 'Browser' })
        .then((begun) => res.json(begun))
        .catch((error: unknown) => {
          const problem = refusal(error);
          if (problem === undefined) next(error);
          else res.status(problem.status).json({ code: problem.code });
        });
    });
    const me = (req: Request, res: Response) => void res.json(cookies.of(req));
    app.get('/me', cookies.guard(), me).post('/me', cookies.guard(), me);
    app.options('/me', cookies.guard(), me);
    app.post('/logout', cookies.guard(), (req, res, next) => {
      cookies.logout(req, res).then(() => res.sendStatus(204), next);
    });
    return app;
  };

  it('login sets the cookie and tells the page no token; the guard reads it; logout ends and clears it', async () => {
    const app = appWith(here({ absoluteMs: 7_200_000 }));
    const begun = await request(app).post('/login').set(SAME).expect(200);
    expect(Object.keys(begun.body)).toEqual(['session', 'replaced']);
    const [set = '', ...more] = setCookies(begun)!;
    expect(more).toEqual([]);
    const [, token = ''] = /^__Host-session=([\w.-]+); Max-Age=7200; Path=\/; HttpOnly; Secure; SameSite=Lax$/.exec(
      set,
    )!;
    const me = await request(app).get('/me').set(cookie(token)).expect(200);
    expect(me.body).toMatchObject({ userId: 'ann', device: 'Browser', claims: { role: 'admin' }, degraded: false });
    const out = await request(app).post('/logout').set(cookie(token)).set(SAME).expect(204);
    expect(setCookies(out)).toEqual([CLEARED]);
    expect(codeOf(await request(app).get('/me').set(cookie(token)).expect(401))).toBe('session_logged_out');
  });

  it('a refusal leaves the cookie: that of a new login may be in this browser already', async () => {
    const set = here({ deadlineMs: 200 });
    const app = appWith(set);
    const own = await set.sessions.login('ann');
    await set.sessions.logout(await set.sessions.verify(own.token));
    const out = await request(app).get('/me').set(cookie(own.token)).expect(401);
    expect([codeOf(out), setCookies(out)]).toEqual(['session_logged_out', undefined]);
    const revoked = await set.sessions.login('ann');
    await set.sessions.revoke('ann', revoked.session.handle);
    const kicked = await request(app).get('/me').set(cookie(revoked.token)).expect(401);
    expect([codeOf(kicked), setCookies(kicked)]).toEqual(['session_revoked', undefined]);
    const { token } = await set.sessions.login('ann');
    await set.sessions.login('ann', { device: 'Laptop' });
    const replaced = await request(app).get('/me').set(cookie(token)).expect(401);
    expect(JSON.parse(replaced.text)).toMatchObject({ code: 'session_replaced', 'replaced-by': { device: 'Laptop' } });
    expect(setCookies(replaced)).toBeUndefined();
    const invalid = await request(app).get('/me').set(cookie('')).expect(401);
    expect(codeOf(invalid)).toBe('session_invalid');
    expect(setCookies(invalid)).toBeUndefined();
    const missing = await request(app).get('/me').set('Cookie', 'x__Host-session=1; __host-session=2').expect(401);
    expect(codeOf(missing)).toBe('session_missing');
    expect(setCookies(missing)).toBeUndefined();
    it_.server.pause();
    const away = await request(app).get('/me').set(cookie(token)).expect(503).expect('Retry-After', '1');
    expect(setCookies(away)).toBeUndefined();
  });

  it('takes the token from the cookie alone: with a Bearer token, or twice, it is ambiguous', async () => {
    const set = here();
    const app = appWith(set);
    const { token } = await set.sessions.login('ann');
    const bearer = await request(app).get('/me').set('Authorization', `Bearer ${token}`).expect(401);
    expect(codeOf(bearer)).toBe('session_missing');
    const both = { ...cookie(token), Authorization: `Bearer ${token}` };
    const twice = { Cookie: `__Host-session=${token}; __Host-session=${token}` };
    const split = { Cookie: `__Host-session=x;__Host-session=${token}` };
    for (const headers of [both, twice, split, { ...cookie(token), Authorization: 'Bearer' }]) {
      const refused = await request(app).get('/me').set(headers).expect(400);
      expect(codeOf(refused)).toBe('session_ambiguous');
      expect(setCookies(refused)).toBeUndefined();
      expect(refused.headers['www-authenticate']).toBeUndefined();
    }
    await request(app)
      .get('/me')
      .set({ ...cookie(token), Authorization: 'Basic YTpi' })
      .expect(200);
  });

  it('lets only pages of its own origin change things', async () => {
    const set = here({}, { allowedOrigins: ['https://admin.example'] });
    const app = appWith(set);
    const { token } = await set.sessions.login('ann');
    const post = (headers: Record<string, string>) =>
      request(app)
        .post('/me')
        .set({ Host: 'shop.example', ...cookie(token), ...headers });
    const ours = [
      { 'Sec-Fetch-Site': 'same-origin' },
      { 'Sec-Fetch-Site': 'none' },
      { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://shop.example' },
      { Origin: 'https://shop.example' },
      { Origin: 'https://shop.example', Host: 'SHOP.example:443' },
      { Origin: 'https://shop.example:8443', Host: 'shop.example:8443' },
      { Origin: 'https://admin.example' },
      { Origin: 'https://admin.example', 'Sec-Fetch-Site': 'same-site' },
    ];
    for (const headers of ours) await post(headers).expect(200);
    const others: Record<string, string>[] = [
      {},
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { 'Sec-Fetch-Site': '' },
      { 'Sec-Fetch-Site': 'same-origin, same-origin' },
      // A page that came by http has our host, and may be anybody's.
      { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://shop.example' },
      { Origin: 'http://shop.example' },
      { Origin: 'https://shop.example:8443' },
      { Origin: 'https://shop.example.evil' },
      { Origin: 'https://evil.shop.example' },
      { Origin: 'https://shop.example, https://shop.example' },
      { Origin: 'null' },
      { Origin: '' },
      { Origin: 'https://ADMIN.example' },
      { Origin: 'null', Host: '///' },
      { Referer: 'https://shop.example/' },
    ];
    for (const headers of others) {
      const refused = await post(headers).expect(403).expect('Content-Type', 'application/problem+json');
      expect(codeOf(refused)).toBe('session_cross_site');
      expect(setCookies(refused)).toBeUndefined();
    }
    for (const method of ['get', 'head', 'options'] as const) {
      await request(app)[method]('/me').set(cookie(token)).set('Sec-Fetch-Site', 'cross-site').expect(200);
    }
    expect((await set.sessions.list('ann')).length).toBe(1);
  });

  it('lets no other site sign its visitors in', async () => {
    const set = here();
    const { token } = await set.sessions.login('ann');
    const foreign = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
    const refused = await request(appWith(set)).post('/login').set(foreign).expect(403);
    expect(refused.body).toEqual({ code: 'session_cross_site' });
    expect(setCookies(refused)).toBeUndefined();
    expect((await set.sessions.verify(token)).userId).toBe('ann');
  });

  it('leaves the cookie when Redis cannot end its session: one may try again', async () => {
    const set = here({ deadlineMs: 200 });
    const { token } = await set.sessions.login('ann');
    const app = express().post('/logout', set.cookies.guard(), (req, res) => {
      it_.server.pause();
      set.cookies.logout(req, res).catch((error: { status: number }) => res.sendStatus(error.status));
    });
    const failed = await request(app).post('/logout').set(cookie(token)).set(SAME).expect(503);
    expect(setCookies(failed)).toBeUndefined();
  });

  it('hands refusals to onProblem', async () => {
    const set = here({ onProblem: passProblem });
    const app = appWith(set);
    app.use((error: { status: number; message: string }, _req: unknown, res: any, _next: unknown) => {
      res.status(error.status).json({ ours: error.message });
    });
    const refused = await request(app).get('/me').set(cookie('x')).expect(401);
    expect(refused.body).toEqual({ ours: 'This token is not valid.' });
    await request(app).post('/me').set(cookie('x')).expect(403);
  });
});

it('keeps cookies of the app’s own, and those of another kind of session', async () => {
  const sessions = singleSession(options(it_.clients.client(), `${it_.clients.prefix}-admin`));
  const admin = cookieSessions(sessions, { name: '__Host-admin', sameSite: 'Strict' });
  const app = express5();
  app.post('/login', async (req, res) => {
    res.cookie('theme', 'dark');
    await admin.login(req, res, 'ann');
    res.end();
  });
  app.get('/me', admin.guard(), (req, res) => res.json(admin.of(req).userId));
  const [theme, own = ''] = setCookies(await request(app).post('/login').set(SAME).expect(200))!;
  expect(theme).toContain('theme=dark');
  expect(own).toMatch(/^__Host-admin=.*; SameSite=Strict$/);
  const token = /=([\w.-]+);/.exec(own)![1]!;
  await request(app).get('/me').set('Cookie', `__Host-admin=${token}; __Host-session=other`).expect(200);
  await request(app).get('/me').set(cookie(token)).expect(401);
});

it('the idle and the absolute end come to cookies too', async () => {
  const clock = await settableClock(it_.clients.client());
  await clock.set(Date.now());
  const sessions = singleSession(
    options(clock.client, it_.clients.prefix, { idleMs: 60_000, absoluteMs: 90_000, limit: 2 }),
  );
  const app = express5().get('/me', cookieSessions(sessions).guard(), (_req, res) => void res.end());
  const [idle, used] = [await sessions.login('ann'), await sessions.login('ann')];
  await clock.advance(59_000);
  await request(app).get('/me').set(cookie(used.token)).expect(200);
  await clock.advance(1000);
  const gone = await request(app).get('/me').set(cookie(idle.token)).expect(401);
  expect([codeOf(gone), setCookies(gone)]).toEqual(['session_idle', undefined]);
  await clock.advance(30_000);
  expect(codeOf(await request(app).get('/me').set(cookie(used.token)).expect(401))).toBe('session_expired');
});

it('a guard may believe the token alone while Redis is away; verify does not', async () => {
  const { sessions, cookies } = here({ deadlineMs: 200 });
  const { token } = await sessions.login('ann');
  const guard = cookies.guard({ onStoreError: 'token-only', maxTokenAgeMs: 60_000 });
  const app = express5().get('/me', guard, (req, res) => void res.json(cookies.of(req).degraded));
  it_.server.pause();
  expect((await request(app).get('/me').set(cookie(token)).expect(200)).body).toBe(true);
  expect(() => cookies.guard({ maxTokenAgeMs: -1 })).toThrow('option "maxTokenAgeMs"');
  const believing = here({ deadlineMs: 200, onStoreError: 'token-only' }).cookies;
  const upgrade = { headers: { cookie: cookie(token).Cookie }, rawHeaders: [], method: 'GET' };
  await expect(believing.verify(upgrade as never)).rejects.toMatchObject({ status: 503 });
});

it('a WebSocket’s upgrade is verified by its cookie, and by its origin', async () => {
  const { sessions, cookies } = here();
  const { token } = await sessions.login('ann');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.on('upgrade', (req: IncomingMessage, socket) => {
    cookies.verify(req).then(
      ({ userId }) => socket.end(`HTTP/1.1 200 ${userId}\r\nContent-Length: 0\r\n\r\n`),
      ({ status, reason }: { status: number; reason: string }) =>
        socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\n\r\n`),
    );
  });
  const { port } = server.address() as AddressInfo;
  const upgrade = async (headers: Record<string, string>) => {
    const answer = await request(`http://127.0.0.1:${port}`)
      .get('/')
      .ok(() => true)
      .set({ Connection: 'Upgrade', Upgrade: 'websocket', ...headers });
    return answer.status;
  };
  expect(await upgrade({ ...cookie(token), Origin: `https://127.0.0.1:${port}` })).toBe(200);
  expect(await upgrade({ ...cookie(token), Origin: 'https://evil.example' })).toBe(403);
  expect(await upgrade({ Origin: `https://127.0.0.1:${port}` })).toBe(401);
  server.close();
});

it('a cookie that browsers would drop displaces nobody', async () => {
  const { sessions, cookies } = here();
  const { token } = await sessions.login('ann');
  const app = express5().post('/login/:length', async (req, res) => {
    const claims = { role: 'x'.repeat(Number(req.params.length)) };
    await cookies.login(req, res, 'ann', { claims }).catch((error: Error) => res.status(500).send(error.message));
    res.end();
  });
  const refused = await request(app).post('/login/3000').set(SAME).expect(500);
  expect(refused.text).toContain('option "claims" must be small enough for a cookie of 4096 bytes');
  expect((await sessions.verify(token)).userId).toBe('ann');
  const [set = ''] = setCookies(await request(app).post('/login/2700').set(SAME).expect(200))!;
  expect(set.split(';')[0]!.length).toBeLessThanOrEqual(4096);
});

it('cookieSessions says at construction what is wrong', () => {
  const sessions = singleSession(options(it_.clients.client(), it_.clients.prefix));
  const wrong =
    (how: object, of: object = sessions) =>
    () =>
      cookieSessions(of as typeof sessions, how);
  for (const name of ['session', '__Host-', '__Host-a b', '__Host-a;b', '__Secure-a', '', 1]) {
    expect(wrong({ name })).toThrow('option "name" must be a cookie name that begins with __Host-');
  }
  expect(wrong({ sameSite: 'None' })).toThrow('option "sameSite" must be one of');
  expect(wrong({ allowedOrigins: 'https://a.example' })).toThrow('option "allowedOrigins" must be an array');
  for (const origin of ['https://a.example/', 'a.example', '*', 'null', 'https://A.example', undefined]) {
    expect(wrong({ allowedOrigins: [origin] })).toThrow('option "allowedOrigins" must be origins');
  }
  expect(wrong({ trustedOrigins: [] })).toThrow('it is called allowedOrigins here');
  expect(wrong({ domain: 'a.example' })).toThrow('unknown option "domain"');
  expect(wrong({}, { ...sessions })).toThrow('option "sessions" must be what singleSession() returned');
  const foreign = singleSession(options(it_.clients.client(), it_.clients.prefix, { jwt: false }));
  expect(wrong({}, foreign)).toThrow('option "jwt"');
});
