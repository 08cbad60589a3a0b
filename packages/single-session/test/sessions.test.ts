import { eventually, race, scale, settableClock } from '@turnpike/test-kit';
import { describe, expect, it, vi } from 'vitest';
import { type SingleSessionOptions, singleSession } from '../src/index.ts';
import { options } from './app.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const here = (more: Partial<SingleSessionOptions> = {}) =>
  singleSession(options(it_.clients.client(), it_.clients.prefix, more));

/** Sessions whose time the test sets. */
async function clocked(more: Partial<SingleSessionOptions> = {}) {
  const clock = await settableClock(it_.clients.client());
  await clock.set(Math.floor(Date.now() / 1000) * 1000);
  return { clock, sessions: singleSession(options(clock.client, it_.clients.prefix, more)) };
}

/** Why a token is refused; 'live' when it is not. */
const fate = (sessions: ReturnType<typeof singleSession>, token: string): Promise<string> =>
  sessions.verify(token).then(
    () => 'live',
    (error: { reason?: string; code: string }) => error.reason ?? error.code,
  );

describe('one session at a time', () => {
  it('the newest login wins, and the displaced one is told by which device and when', async () => {
    const sessions = here();
    const phone = await sessions.login('ann', { device: 'Phone', claims: { role: 'admin' } });
    expect(await sessions.verify(phone.token)).toMatchObject({
      userId: 'ann',
      device: 'Phone',
      claims: { role: 'admin' },
      degraded: false,
    });
    const laptop = await sessions.login('ann', { device: 'Laptop' });
    expect(laptop.replaced).toEqual([{ handle: phone.session.handle, device: 'Phone' }]);
    expect(await fate(sessions, laptop.token)).toBe('live');
    await expect(sessions.verify(phone.token)).rejects.toMatchObject({
      code: 'ERR_TURNPIKE_SESSION_ENDED',
      status: 401,
      reason: 'replaced',
      by: { device: 'Laptop', at: expect.any(Date) },
    });
    expect(await fate(sessions, (await sessions.login('bob')).token)).toBe('live');
    expect(await fate(sessions, laptop.token)).toBe('live');
  });

  it('keeps from the displaced who displaced it, when told to', async () => {
    const sessions = here({ tellDisplaced: false });
    const phone = await sessions.login('ann');
    await sessions.login('ann', { device: 'Laptop' });
    await expect(sessions.verify(phone.token)).rejects.toMatchObject({ reason: 'replaced', by: undefined });
  });

  it('two logins in the same millisecond have different tokens, and one survives', async () => {
    const { sessions } = await clocked();
    const [one, other] = await race(2, () => sessions.login('ann'));
    expect(one!.token).not.toBe(other!.token);
    const fates = await Promise.all([fate(sessions, one!.token), fate(sessions, other!.token)]);
    expect(fates.toSorted()).toEqual(['live', 'replaced']);
  });

  it.each([
    ['replace', 1],
    ['replace', 3],
    ['reject', 1],
    ['reject', 3],
  ] as const)(
    '100 simultaneous logins, %s, limit %i: exactly so many verify, the rest say why',
    async (policy, limit) => {
      const sessions = here({ policy, limit });
      for (let round = 0; round < scale({ quick: 50, full: 250 }); round += 1) {
        const tokens: string[] = [];
        let rejected = 0;
        await race(100, async () => {
          try {
            tokens.push((await sessions.login(`ann-${round}`)).token);
          } catch (error) {
            expect(error).toMatchObject({ code: 'ERR_TURNPIKE_LOGIN_REJECTED', status: 409 });
            rejected += 1;
          }
        });
        const fates = await race(tokens.length, (n) => fate(sessions, tokens[n]!));
        expect(fates.filter((one) => one === 'live')).toHaveLength(limit);
        expect(fates.filter((one) => one === 'replaced')).toHaveLength(tokens.length - limit);
        expect(rejected).toBe(policy === 'reject' ? 100 - limit : 0);
      }
    },
    300_000,
  );

  it('ends the one unused for longest when several may be', async () => {
    const { clock, sessions } = await clocked({ limit: 2 });
    const first = await sessions.login('ann', { device: 'first' });
    await clock.advance(200_000);
    const second = await sessions.login('ann', { device: 'second' });
    await clock.advance(200_000);
    await sessions.verify(first.token);
    const third = await sessions.login('ann', { device: 'third' });
    expect(third.replaced.map(({ device }) => device)).toEqual(['second']);
    expect(await fate(sessions, first.token)).toBe('live');
    expect(await fate(sessions, second.token)).toBe('replaced');
    expect((await sessions.list('ann')).map(({ device }) => device)).toEqual(['third', 'first']);
  });

  it('asks the limit of each user', async () => {
    const sessions = here({ limit: async (userId) => (userId === 'vip' ? 2 : 1) });
    const vip = [await sessions.login('vip'), await sessions.login('vip')];
    const ann = [await sessions.login('ann'), await sessions.login('ann')];
    expect(await Promise.all([...vip, ...ann].map(({ token }) => fate(sessions, token)))).toEqual([
      'live',
      'live',
      'replaced',
      'live',
    ]);
  });
});

describe('reject', () => {
  it('refuses the login with the devices that hold the seats, and lets a seat go that was unused for seatIdleMs', async () => {
    const { clock, sessions } = await clocked({ policy: 'reject', seatIdleMs: 600_000 });
    const lost = await sessions.login('ann', { device: 'Lost phone' });
    await clock.advance(599_000);
    await expect(sessions.login('ann')).rejects.toMatchObject({
      devices: [{ handle: lost.session.handle, device: 'Lost phone' }],
    });
    await clock.advance(1000);
    const next = await sessions.login('ann', { device: 'New phone' });
    expect(next.replaced).toEqual([{ handle: lost.session.handle, device: 'Lost phone' }]);
    expect(await fate(sessions, lost.token)).toBe('replaced');
  });
});

describe('a displaced device', () => {
  it('does nothing to the winner: not by logout, not by revokeOthers, not by being used', async () => {
    const sessions = here();
    const loser = await sessions.login('ann');
    const session = await sessions.verify(loser.token);
    const winner = await sessions.login('ann');
    expect(await sessions.logout(session)).toBe(false);
    expect(await sessions.revokeOthers(session)).toBe(0);
    expect(await fate(sessions, loser.token)).toBe('replaced');
    expect(await fate(sessions, winner.token)).toBe('live');
  });

  it('is told even when a hundred others came after it', async () => {
    const sessions = here();
    const first = await sessions.login('ann');
    for (let n = 0; n < 100; n += 1) await sessions.login('ann');
    expect(await fate(sessions, first.token)).toBe('replaced');
  });
});

describe('the ends of a session', () => {
  it('logout ends one’s own, once', async () => {
    const sessions = here({ limit: 2 });
    const [one, other] = [await sessions.login('ann'), await sessions.login('ann')];
    const session = await sessions.verify(one.token);
    expect(await sessions.logout(session)).toBe(true);
    expect(await sessions.logout(session)).toBe(false);
    expect(await fate(sessions, one.token)).toBe('logged_out');
    expect(await fate(sessions, other.token)).toBe('live');
  });

  it('revoke, revokeOthers and revokeAll end what they name', async () => {
    const sessions = here({ limit: 4 });
    const logins: Awaited<ReturnType<typeof sessions.login>>[] = [];
    for (let n = 0; n < 4; n += 1) logins.push(await sessions.login('ann', { device: `d${n}` }));
    const fates = () => Promise.all(logins.map(({ token }) => fate(sessions, token)));
    expect(await sessions.revoke('ann', logins[0]!.session.handle)).toBe(true);
    expect(await sessions.revoke('ann', logins[0]!.session.handle)).toBe(false);
    expect(await fates()).toEqual(['revoked', 'live', 'live', 'live']);
    expect(await sessions.revokeOthers(await sessions.verify(logins[3]!.token))).toBe(2);
    expect(await fates()).toEqual(['revoked', 'revoked', 'revoked', 'live']);
    expect(await sessions.revokeAll('ann')).toBe(1);
    expect(await fates()).toEqual(['revoked', 'revoked', 'revoked', 'revoked']);
    expect(await sessions.revokeAll('nobody')).toBe(0);
    expect(await fate(sessions, (await sessions.login('ann')).token)).toBe('live');
    for (const none of ['', '*', 'A', undefined as never]) expect(await sessions.revoke('ann', none)).toBe(false);
    expect(await sessions.list('ann')).toHaveLength(1);
  });

  it('idle and absolute ends come by the server’s clock, also under continuous use', async () => {
    const { clock, sessions } = await clocked({ idleMs: 60_000, absoluteMs: 300_000, limit: 2 });
    const idle = await sessions.login('ann');
    const used = await sessions.login('ann');
    await clock.advance(59_999);
    expect(await fate(sessions, used.token)).toBe('live');
    await clock.advance(1);
    expect(await fate(sessions, idle.token)).toBe('idle');
    for (let n = 0; n < 8; n += 1) {
      await clock.advance(29_999);
      expect(await fate(sessions, used.token)).toBe(n < 8 ? 'live' : 'expired');
    }
    await clock.advance(10_000);
    expect(await fate(sessions, used.token)).toBe('expired');
    expect(await sessions.list('ann')).toEqual([]);
  });

  it('a session that was only looked at in time stays: a use is noted to within a tenth of idleMs', async () => {
    const { clock, sessions } = await clocked({ idleMs: 60_000 });
    const { token } = await sessions.login('ann');
    for (let n = 0; n < 40; n += 1) {
      await clock.advance(5_999);
      expect(await fate(sessions, token)).toBe('live');
    }
  });
});

describe('races', () => {
  const rounds = scale({ quick: 100, full: 2000 });

  it('logout and login: the new session always lives', async () => {
    const sessions = here();
    for (let round = 0; round < rounds; round += 1) {
      const old = await sessions.verify((await sessions.login('ann')).token);
      const [, next] = await Promise.all([sessions.logout(old), sessions.login('ann')]);
      expect(await fate(sessions, next.token)).toBe('live');
    }
  }, 300_000);

  it('use and revoke: a revoked session never comes back', async () => {
    const { clock, sessions } = await clocked({ idleMs: 60_000 });
    for (let round = 0; round < rounds; round += 1) {
      const { token, session } = await sessions.login('ann');
      await clock.advance(6000);
      await Promise.all([fate(sessions, token), sessions.revoke('ann', session.handle), fate(sessions, token)]);
      expect(await fate(sessions, token)).toBe('revoked');
    }
  }, 300_000);

  it('revokeAll and login: either the login came first and is over, or it came after and lives', async () => {
    const sessions = here();
    for (let round = 0; round < rounds; round += 1) {
      await sessions.login('ann');
      const [ended, next] = await Promise.all([sessions.revokeAll('ann'), sessions.login('ann')]);
      const said = await fate(sessions, next.token);
      expect(['live', 'revoked']).toContain(said);
      expect(ended).toBe(1);
      expect(await sessions.list('ann')).toHaveLength(said === 'live' ? 1 : 0);
    }
  }, 300_000);
});

it('a token of one kind of session is nothing to another, even where a failover would have it believed', async () => {
  const [web, mobile] = ['web', 'mobile'].map((kind) =>
    singleSession(options(it_.clients.client(), `${it_.clients.prefix}-${kind}`)),
  ) as [ReturnType<typeof singleSession>, ReturnType<typeof singleSession>];
  const phone = await mobile.login('ann');
  const page = await web.login('ann');
  expect(await fate(mobile, page.token)).toBe('unknown');
  expect(await fate(mobile, phone.token)).toBe('live');
});

it('a session that has gone idle ends nobody', async () => {
  const { clock, sessions } = await clocked({ limit: 2, idleMs: 60_000 });
  const idle = await sessions.verify((await sessions.login('ann')).token);
  await clock.advance(30_000);
  const live = await sessions.login('ann');
  await clock.advance(30_000);
  expect(await sessions.revokeOthers(idle)).toBe(0);
  expect(await fate(sessions, live.token)).toBe('live');
});

describe('users', () => {
  it('with strange ids do not cross: globs, braces, colons, spaces, unicode, 4 kB', async () => {
    const sessions = here();
    const ids = [
      '*',
      '{}',
      '{a}',
      ':',
      'a:b',
      ' ',
      'a b',
      'ü',
      'u\u0308',
      '\0',
      'x'.repeat(4096),
      'x'.repeat(4097),
      'user',
    ];
    const logins = await race(ids.length, (n) => sessions.login(ids[n]!));
    expect(await Promise.all(logins.map(({ token }) => fate(sessions, token)))).toEqual(ids.map(() => 'live'));
    for (const [n, { session }] of logins.entries()) {
      expect((await sessions.list(ids[n]!)).map(({ handle }) => handle)).toEqual([session.handle]);
    }
    await expect(sessions.login('')).rejects.toThrow('option "userId" must be a string that is not empty');
  });

  it('leave nothing in Redis that signs in, and at most 300 bytes a session', async () => {
    const sessions = here({ limit: 10 });
    const redis = it_.clients.client();
    const tokens = [];
    for (let n = 0; n < 10; n += 1) tokens.push((await sessions.login('ann', { device: 'd'.repeat(64) })).token);
    const [key = ''] = await it_.clients.scan();
    expect(Number(await redis.memory('USAGE', key)) / 10).toBeLessThan(300);
    const dump = JSON.stringify(await redis.hgetallBuffer(key)) + key + String(await redis.dumpBuffer(key));
    for (const token of tokens) {
      const { sid } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { sid: string };
      for (const secret of [token, sid, token.split('.')[2]!]) expect(dump).not.toContain(secret);
    }
  });
});

describe('kicks', () => {
  it('reach the open connection of a displaced device on another process’s client, and only that', async () => {
    const [here_, there] = [here({ limit: 2 }), here({ limit: 2 })];
    const [one, two] = [await here_.login('ann', { device: 'one' }), await here_.login('ann', { device: 'two' })];
    const closed: string[] = [];
    there.onEnd(await there.verify(one.token), () => closed.push('one'));
    there.onEnd(await there.verify(two.token), () => closed.push('two'));
    const heard: unknown[] = [];
    await there.onEnded((ended) => heard.push(ended));
    await here_.login('ann', { device: 'three' });
    await eventually(() => expect(closed).toEqual(['one']));
    expect(heard).toEqual([
      { handle: one.session.handle, reason: 'replaced', at: expect.any(Date), byDevice: 'three' },
    ]);
    here_.close();
    there.close();
  });

  it('reach who listens behind a keyPrefix, and close at the absolute end, which nobody publishes', async () => {
    const redis = it_.clients.client({ keyPrefix: 'app:' });
    const sessions = singleSession(options(redis, it_.clients.prefix, { limit: 2, idleMs: 1000, absoluteMs: 1000 }));
    const [one, two] = [await sessions.login('ann'), await sessions.login('ann')];
    const closed: string[] = [];
    sessions.onEnd(await sessions.verify(one.token), () => closed.push('one'));
    sessions.onEnd(await sessions.verify(two.token), () => closed.push('two'));
    await sessions.revoke('ann', one.session.handle);
    await eventually(() => expect(closed).toEqual(['one']));
    await eventually(() => expect(closed).toEqual(['one', 'two']));
    sessions.close();
  });

  it('close the others when one throws', async () => {
    const said = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const sessions = here();
    const session = await sessions.verify((await sessions.login('ann')).token);
    let closed = 0;
    sessions.onEnd(session, () => {
      throw new Error('oops');
    });
    sessions.onEnd(session, () => (closed += 1));
    await sessions.login('ann');
    await eventually(() => expect(closed).toBe(1));
    sessions.close();
    said.mockRestore();
  });

  it('close at once what had ended before anybody watched', async () => {
    const sessions = here();
    const session = await sessions.verify((await sessions.login('ann')).token);
    await sessions.login('ann');
    let closed = 0;
    sessions.onEnd(session, () => (closed += 1));
    await eventually(() => expect(closed).toBe(1));
    sessions.close();
  });

  it('that were lost are found out when the connection is back', async () => {
    const sessions = here();
    const admin = it_.clients.client();
    const session = await sessions.verify((await sessions.login('ann')).token);
    let closed = 0;
    sessions.onEnd(session, () => (closed += 1));
    await eventually(async () => expect(await admin.pubsub('NUMPAT')).toBe(0));
    await eventually(async () => expect(((await admin.pubsub('CHANNELS')) as string[]).length).toBeGreaterThan(0));
    await admin.multi().call('CLIENT', 'KILL', 'TYPE', 'pubsub').exec();
    await sessions.login('ann');
    await eventually(() => expect(closed).toBe(1));
    sessions.close();
  });
});
