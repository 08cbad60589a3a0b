import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { eventually, race, scale, settableClock } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import express5 from 'express';
import express4 from 'express4';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { type SingleSessionEvent, type SingleSessionOptions, passProblem, singleSession } from '../src/index.ts';
import { type RefreshOptions, refreshing } from '../src/refresh/index.ts';
import { contentOf, options } from './app.ts';

type Claims = { role?: string };

const it_ = setting();

const here = (more: Partial<SingleSessionOptions> = {}, how: Partial<RefreshOptions<Claims>> = {}) => {
  const sessions = singleSession<Claims>(options(it_.clients.client(), it_.clients.prefix, more));
  return { sessions, ...refreshing(sessions, { accessMs: 60_000, ...how }) };
};

/** Sessions whose time the test sets. */
async function clocked(more: Partial<SingleSessionOptions> = {}, how: Partial<RefreshOptions<Claims>> = {}) {
  const clock = await settableClock(it_.clients.client());
  await clock.set(Math.floor(Date.now() / 1000) * 1000);
  const sessions = singleSession<Claims>(options(clock.client, it_.clients.prefix, more));
  return { clock, sessions, ...refreshing(sessions, { accessMs: 10_000, ...how }) };
}

/** For how long a token is made, in s. */
function lifetimeS(token: string): number {
  const { exp, iat } = contentOf(token) as unknown as { exp: number; iat: number };
  return exp - iat;
}

/** How a promise ends: 'live', or why not. */
const fate = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'live',
    (error: { reason?: string; code: string }) => error.reason ?? error.code,
  );

/** The events of what `act` does. */
async function eventsOf(act: () => Promise<unknown>): Promise<SingleSessionEvent[]> {
  const events: SingleSessionEvent[] = [];
  const listener = (event: unknown) => void events.push(event as SingleSessionEvent);
  subscribe('turnpike:single-session', listener);
  await act();
  unsubscribe('turnpike:single-session', listener);
  return events;
}

describe('a refresh', () => {
  it('gives the next pair: a short-lived access token, and a refresh token good for one use', async () => {
    const { sessions, login, refresh } = here();
    const first = await login('ann', { claims: { role: 'admin' }, device: 'Phone' });
    expect(first.session.device).toBe('Phone');
    expect(lifetimeS(first.token)).toBeLessThanOrEqual(61);
    expect(contentOf(first.refreshToken)).toMatchObject({ n: 0, sub: 'ann' });
    let last = await refresh(first.refreshToken);
    for (let n = 1; n < 5; n += 1) {
      expect(contentOf(last.refreshToken)['n']).toBe(n);
      expect(contentOf(last.refreshToken).sid).toBe(contentOf(first.token).sid);
      expect(await sessions.verify(last.token)).toMatchObject({
        userId: 'ann',
        device: 'Phone',
        claims: { role: 'admin' },
      });
      last = await refresh(last.refreshToken);
    }
    expect(await sessions.list('ann')).toHaveLength(1);
  });

  it('takes no access token, and a refresh token lets nobody in', async () => {
    const { sessions, login, refresh } = here();
    const { token, refreshToken } = await login('ann');
    expect(await fate(refresh(token))).toBe('invalid');
    expect(await fate(sessions.verify(refreshToken))).toBe('invalid');
    for (const none of ['', 'x', `${refreshToken}x`, undefined as never]) {
      expect(await fate(refresh(none))).toBe('invalid');
    }
    expect(await fate(refresh(refreshToken))).toBe('live');
  });

  it('asks what claims the user has now, while the login’s stay with the refresh token', async () => {
    const roles = ['editor', 'reader'];
    const { login, refresh } = here({}, { claims: async (_userId, { role }) => ({ role: `${role}→${roles.pop()}` }) });
    const first = await login('ann', { claims: { role: 'admin' } });
    expect(contentOf(first.token)['role']).toBe('admin');
    const second = await refresh(first.refreshToken);
    expect(contentOf(second.token)['role']).toBe('admin→reader');
    expect(contentOf((await refresh(second.refreshToken)).token)['role']).toBe('admin→editor');
  });

  it('leaves nothing in Redis that could be used, and a TTL at every step', async () => {
    const { login, refresh } = here();
    const redis = it_.clients.client();
    const tokens = [await login('ann')].map(({ token, refreshToken }) => ({ token, refreshToken }));
    const [key = ''] = await it_.clients.scan();
    for (let n = 0; n < 3; n += 1) {
      await redis.persist(key);
      tokens.push(await refresh(tokens.at(-1)!.refreshToken));
      await it_.clients.noKeyWithoutTtl();
    }
    const dump = JSON.stringify(await redis.hgetallBuffer(key)) + String(await redis.dumpBuffer(key));
    for (const { token, refreshToken } of tokens) {
      expect(dump).not.toContain(token.split('.')[2]);
      expect(dump).not.toContain(refreshToken.split('.')[2]);
      expect(dump).not.toContain(contentOf(refreshToken).sid);
    }
    expect(Number(await redis.memory('USAGE', key))).toBeLessThan(400);
    await redis.persist(key);
    expect(await fate(refresh(tokens[0]!.refreshToken))).toBe('refresh_reused');
    await it_.clients.noKeyWithoutTtl();
  });
});

describe('a refresh token that comes again', () => {
  it('20 at once: one successor, and nobody is signed out', async () => {
    const { sessions, login, refresh } = here();
    for (let round = 0; round < scale({ quick: 5, full: 100 }); round += 1) {
      const { refreshToken } = await login('ann');
      const pairs = await race(20, () => refresh(refreshToken));
      expect(new Set(pairs.map((pair) => contentOf(pair.refreshToken)['n']))).toEqual(new Set([1]));
      const fates = await race(20, (n) => fate(sessions.verify(pairs[n]!.token)));
      expect(new Set(fates)).toEqual(new Set(['live']));
      // Whichever of the twenty the client has kept.
      expect(contentOf((await refresh(pairs[19]!.refreshToken)).refreshToken)['n']).toBe(2);
    }
  });

  it('within the grace has the same successor; after it the session is over, with one event and one kick', async () => {
    const { clock, sessions, login, refresh } = await clocked();
    const { refreshToken, session } = await login('ann');
    const next = await refresh(refreshToken);
    await clock.advance(30_000);
    const again = await refresh(refreshToken);
    expect(contentOf(again.refreshToken)['n']).toBe(1);
    expect(await fate(sessions.verify(again.token))).toBe('live');
    const kicks: unknown[] = [];
    const stop = await sessions.onEnded((ended) => kicks.push(ended));
    await clock.advance(1);
    const events = await eventsOf(async () => {
      const fates = await race(5, () => fate(refresh(refreshToken)));
      expect(new Set(fates)).toEqual(new Set(['refresh_reused']));
    });
    expect(events.filter(({ type }) => type === 'ended')).toEqual([{ type: 'ended', reason: 'refresh_reused' }]);
    for (const token of [next.token, again.token]) expect(await fate(sessions.verify(token))).toBe('refresh_reused');
    for (const pair of [next, again]) expect(await fate(refresh(pair.refreshToken))).toBe('refresh_reused');
    expect(await sessions.list('ann')).toEqual([]);
    const kick = { handle: session.handle, reason: 'refresh_reused', at: expect.any(Date), byDevice: '' };
    await eventually(() => expect(kicks).toEqual([kick]));
    stop();
    sessions.close();
  });

  it('within the grace, but after its successor was used: the session is over', async () => {
    const { login, refresh, sessions } = here();
    const { refreshToken } = await login('ann');
    const second = await refresh(refreshToken);
    const third = await refresh(second.refreshToken);
    expect(await fate(refresh(refreshToken))).toBe('refresh_reused');
    expect(await fate(sessions.verify(third.token))).toBe('refresh_reused');
  });

  it('ends no other session of its user', async () => {
    const { login, refresh, sessions } = here({ limit: 2 }, { graceMs: 0 });
    const [stolen, other] = [await login('ann'), await login('ann')];
    const second = await refresh(stolen.refreshToken);
    await refresh(second.refreshToken);
    expect(await fate(refresh(stolen.refreshToken))).toBe('refresh_reused');
    expect(await fate(sessions.verify(other.token))).toBe('live');
    expect(await fate(refresh(other.refreshToken))).toBe('live');
  });
});

describe('the ends of a session hold for its refresh tokens', () => {
  it('a displaced device is told, and its refresh does nothing to the winner', async () => {
    const { sessions, login, refresh } = here();
    const phone = await login('ann', { device: 'Phone' });
    const current = await refresh(phone.refreshToken);
    const laptop = await login('ann', { device: 'Laptop' });
    expect(laptop.replaced).toEqual([{ handle: phone.session.handle, device: 'Phone' }]);
    for (const token of [current.refreshToken, phone.refreshToken]) {
      await expect(refresh(token)).rejects.toMatchObject({
        status: 401,
        reason: 'replaced',
        by: { device: 'Laptop', at: expect.any(Date) },
      });
    }
    expect(await fate(sessions.verify(laptop.token))).toBe('live');
    expect(contentOf((await refresh(laptop.refreshToken)).refreshToken)['n']).toBe(1);
  });

  it('logged out, revoked, and revoked with all', async () => {
    const { sessions, login, refresh } = here();
    const out = await login('ann');
    await sessions.logout(await sessions.verify(out.token));
    expect(await fate(refresh(out.refreshToken))).toBe('logged_out');
    const one = await login('ann');
    await sessions.revoke('ann', one.session.handle);
    expect(await fate(refresh(one.refreshToken))).toBe('revoked');
    const all = await login('ann');
    await sessions.revokeAll('ann');
    expect(await fate(refresh(all.refreshToken))).toBe('revoked');
    await it_.clients.client().del(...(await it_.clients.scan()));
    expect(await fate(refresh(all.refreshToken))).toBe('unknown');
  });

  it('idle: a refresh is a use, and comes too late after idleMs', async () => {
    const { clock, login, refresh } = await clocked({ idleMs: 60_000 });
    let { refreshToken } = await login('ann');
    for (let n = 0; n < 5; n += 1) {
      await clock.advance(59_999);
      ({ refreshToken } = await refresh(refreshToken));
    }
    await clock.advance(60_000);
    expect(await fate(refresh(refreshToken))).toBe('idle');
  });

  it('absolute: no refresh reaches beyond it, nor does the last access token', async () => {
    const { clock, login, refresh } = await clocked({ idleMs: 60_000, absoluteMs: 120_000 });
    let { refreshToken } = await login('ann');
    await clock.advance(58_000);
    ({ refreshToken } = await refresh(refreshToken));
    await clock.advance(58_000);
    const last = await refresh(refreshToken);
    expect(lifetimeS(last.token)).toBeLessThanOrEqual(5);
    expect(contentOf(last.refreshToken)['exp']).toBe(contentOf(last.token)['exp']);
    await clock.advance(4000);
    expect(await fate(refresh(last.refreshToken))).toBe('expired');
  });
});

describe('failures', () => {
  it('a refresh given up at its deadline has no effect later, and its token is good for another', async () => {
    const redis = it_.clients.client();
    const { sessions, login, refresh } = here({ deadlineMs: 100, redis });
    const { refreshToken } = await login('ann');
    const [key = ''] = await it_.clients.scan();
    const before = await redis.hgetallBuffer(key);
    it_.server.pause();
    expect(await fate(refresh(refreshToken))).toBe('ERR_TURNPIKE_STORE_TIMEOUT');
    it_.server.resume();
    // On the same connection: when this is answered, so was the one given up.
    await eventually(async () => expect(await sessions.list('ann')).toHaveLength(1));
    expect(await redis.hgetallBuffer(key)).toEqual(before);
    expect(contentOf((await refresh(refreshToken)).refreshToken)['n']).toBe(1);
  });

  it('after a failover that lost rotations, the token that it does not know yet is accepted', async () => {
    const redis = it_.clients.client();
    const { login, refresh } = here();
    const { refreshToken } = await login('ann');
    const [key = ''] = await it_.clients.scan();
    const replica = await redis.dumpBuffer(key);
    const third = await refresh((await refresh(refreshToken)).refreshToken);
    await redis.restore(key, 60_000, replica, 'REPLACE');
    expect(contentOf((await refresh(third.refreshToken)).refreshToken)['n']).toBe(3);
    expect(await fate(refresh(refreshToken))).toBe('refresh_reused');
  });

  it('after a failover that lost the login, its refresh token takes the seat back from the old device', async () => {
    const redis = it_.clients.client();
    const { sessions, login, refresh } = here();
    const phone = await login('ann');
    const [key = ''] = await it_.clients.scan();
    const replica = await redis.dumpBuffer(key);
    const laptop = await refresh((await login('ann')).refreshToken);
    await redis.restore(key, 60_000, replica, 'REPLACE');
    const healed = await refresh(laptop.refreshToken);
    expect(await fate(sessions.verify(healed.token))).toBe('live');
    expect(await fate(sessions.verify(phone.token))).toBe('replaced');
    expect(await fate(refresh(phone.refreshToken))).toBe('replaced');
  });
});

it('refresh and login at once: the new session always lives, and the old one never comes back', async () => {
  const { sessions, login, refresh } = here();
  for (let round = 0; round < scale({ quick: 100, full: 2000 }); round += 1) {
    const old = await login('ann');
    const [refreshed, next, again] = await Promise.all([
      refresh(old.refreshToken).catch((error: { reason: string }) => error),
      login('ann'),
      refresh(old.refreshToken).catch((error: { reason: string }) => error),
    ]);
    expect(await fate(sessions.verify(next.token))).toBe('live');
    for (const one of [refreshed, again]) {
      if ('refreshToken' in one) {
        expect(await fate(sessions.verify(one.token))).toBe('replaced');
        expect(await fate(refresh(one.refreshToken))).toBe('replaced');
      } else expect(one.reason).toBe('replaced');
    }
    expect(contentOf((await refresh(next.refreshToken)).refreshToken)['n']).toBe(1);
  }
}, 300_000);

describe.each([
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
])('the handler, in %s', (_version, express) => {
  it('answers with the next pair, never to be cached, or says why not', async () => {
    const { sessions, login, handler } = here();
    const app = express().post('/refresh', express.json(), handler());
    const { refreshToken } = await login('ann');
    const answer = await request(app).post('/refresh').send({ refreshToken }).expect(200);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'content-type': 'application/json' });
    expect(Object.keys(answer.body)).toEqual(['token', 'refreshToken']);
    expect(await fate(sessions.verify(answer.body.token))).toBe('live');
    for (const body of [undefined, {}, { refreshToken: 1 }, { refreshToken: [refreshToken] }]) {
      const refused = await request(app).post('/refresh').send(body).expect(401).expect('WWW-Authenticate', 'Bearer');
      expect(JSON.parse(refused.text)).toMatchObject({ status: 401, code: 'session_missing' });
    }
    await request(app).post('/refresh').send({ refreshToken: answer.body.refreshToken }).expect(200);
    const reused = await request(app).post('/refresh').send({ refreshToken }).expect(401);
    expect(reused.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    expect(JSON.parse(reused.text)).toMatchObject({ code: 'session_refresh_reused' });
  });

  it('hands refusals to onProblem, and what the app’s own function throws to its error middleware', async () => {
    const claims = () => {
      throw new Error('no database');
    };
    const { login, handler } = here({ onProblem: passProblem }, { claims });
    const app = express().post('/refresh', express.json(), handler());
    app.use((error: { status?: number; message: string }, _req: unknown, res: any, _next: unknown) => {
      res.status(error.status ?? 500).json({ ours: error.message });
    });
    expect((await request(app).post('/refresh').expect(401)).body).toEqual({ ours: 'Sign in first.' });
    const { refreshToken } = await login('ann');
    const failed = await request(app).post('/refresh').send({ refreshToken }).expect(500);
    expect(failed.body).toEqual({ ours: 'no database' });
  });
});

it('refreshing says at construction what is wrong', async () => {
  const sessions = singleSession(options(it_.clients.client(), it_.clients.prefix, { idleMs: 60_000 }));
  const wrong =
    (how: object, of: object = sessions) =>
    () =>
      refreshing(of as typeof sessions, how as never);
  expect(wrong({})).toThrow('option "accessMs" must be an integer from 1000 to 60000');
  expect(wrong({ accessMs: 60_001 })).toThrow('option "accessMs"');
  expect(wrong({ accessMs: 1000, graceMs: -1 })).toThrow('option "graceMs"');
  expect(wrong({ accessMs: 1000, claims: {} })).toThrow('option "claims" must be a function');
  expect(wrong({ expiresIn: 1000 })).toThrow('it is called accessMs here');
  expect(wrong({ accessMs: 1000 }, {})).toThrow('option "sessions" must be what singleSession() returned');
  const foreign = singleSession(options(it_.clients.client(), it_.clients.prefix, { jwt: false }));
  expect(wrong({ accessMs: 1000 }, foreign)).toThrow('option "jwt"');
});

it('claims that no token can carry displace nobody', async () => {
  const { sessions, login } = here();
  const { token } = await login('ann');
  await expect(login('ann', { claims: { role: 'x'.repeat(8000) } })).rejects.toThrow('small enough');
  await expect(login('ann', { claims: { sid: 'mine' } as never })).rejects.toThrow('option "claims" must be without');
  expect(await fate(sessions.verify(token))).toBe('live');
});
