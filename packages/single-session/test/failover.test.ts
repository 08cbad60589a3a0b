import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import {
  canStartCluster,
  clientFactory,
  eventually,
  faultProxy,
  race,
  settableClock,
  skipUnless,
  startReplica,
} from '@turnpike/test-kit';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SingleSessionEvent, type SingleSessionOptions, singleSession } from '../src/index.ts';
import { fate, options } from './app.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const sessionsOn = (redis: Redis, more: Partial<SingleSessionOptions> = {}) =>
  singleSession(options(redis, it_.clients.prefix, more));

type Sessions = ReturnType<typeof sessionsOn>;

/** How often a session was healed since the test began. */
let healed = 0;
const count = (event: unknown): void => {
  if ((event as SingleSessionEvent).type === 'healed') healed += 1;
};
beforeEach(() => {
  healed = 0;
  subscribe('turnpike:single-session', count);
});
afterEach(() => void unsubscribe('turnpike:single-session', count));

const devices = async (sessions: Sessions): Promise<string[]> =>
  (await sessions.list('ann')).map(({ device }) => device);

describe(
  'a real failover: a replica is promoted that did not receive what came last',
  skipUnless(canStartCluster(), 'there is no redis-server binary'),
  () => {
    /** A master and a replica behind a network that can be lost. */
    async function failover(more: Partial<SingleSessionOptions> = {}) {
      const proxy = await faultProxy(it_.server);
      const replica = await startReplica(proxy);
      const clients = clientFactory(replica);
      const master = it_.clients.client();
      return {
        before: sessionsOn(master, more),
        /** From here on nothing reaches the replica; what came before has. */
        async loseTheRest() {
          await replica.caughtUp();
          proxy.blackhole();
        },
        /** The replica is the master now, and the app is connected to it. */
        async promote(): Promise<Sessions> {
          await replica.promote();
          const redis = clients.client();
          await once(redis, 'ready');
          return sessionsOn(redis, more);
        },
        async [Symbol.asyncDispose]() {
          await clients.close();
          await replica.stop();
          await proxy.close();
        },
      };
    }

    it('the old device is accepted until the winner’s next request, which heals the winner and displaces it', async () => {
      await using change = await failover();
      const { before } = change;
      const old = await before.login('ann', { device: 'Old' });
      await change.loseTheRest();
      const winner = await before.login('ann', { device: 'Winner', claims: { role: 'admin' } });
      expect(await fate(before, old.token)).toBe('replaced');
      expect(await fate(before, winner.token)).toBe('live');

      const after = await change.promote();
      expect(await fate(after, old.token)).toBe('live');
      expect(await fate(after, old.token)).toBe('live');
      expect(healed).toBe(0);

      const kicked: unknown[] = [];
      await after.onEnded((ended) => kicked.push(ended));
      const session = await after.verify(winner.token);
      expect(session).toMatchObject({
        userId: 'ann',
        handle: winner.session.handle,
        claims: { role: 'admin' },
        degraded: false,
      });
      expect(session.startedAt).toEqual(winner.session.startedAt);
      expect(healed).toBe(1);
      await expect(after.verify(old.token)).rejects.toMatchObject({ reason: 'replaced', by: { at: expect.any(Date) } });
      await eventually(() => expect(kicked).toMatchObject([{ handle: old.session.handle, reason: 'replaced' }]));

      // What was lost and is in no token stays lost: the label of the winner's device.
      expect(await after.list('ann')).toMatchObject([{ handle: winner.session.handle, device: '' }]);
      // Healed, it is a session like others: it ends, and stays ended.
      expect(await after.logout(session)).toBe(true);
      expect(await fate(after, winner.token)).toBe('logged_out');
      expect(await fate(after, old.token)).toBe('replaced');
      expect(healed).toBe(1);
      after.close();
    });

    it('of 50 requests at once that come with the lost login all are served, and it is healed once', async () => {
      await using change = await failover({ limit: 2 });
      const { before } = change;
      const [one, two] = [await before.login('ann', { device: 'one' }), await before.login('ann', { device: 'two' })];
      await change.loseTheRest();
      const three = await before.login('ann', { device: 'three' });
      const after = await change.promote();
      const fates = await race(50, () => fate(after, three.token));
      expect(new Set(fates)).toEqual(new Set(['live']));
      expect(healed).toBe(1);
      expect(await after.list('ann')).toHaveLength(2);
      expect([await fate(after, one.token), await fate(after, two.token)]).toEqual(['replaced', 'live']);
    });

    it('what ended before, and whose end the replica knows, never heals: logged out, revoked, replaced', async () => {
      await using change = await failover({ limit: 3 });
      const { before } = change;
      const [out, revoked, replaced] = [
        await before.login('ann'),
        await before.login('ann'),
        await before.login('ann'),
      ];
      await before.logout(await before.verify(out.token));
      await before.revoke('ann', revoked.session.handle);
      const others = [await before.login('ann'), await before.login('ann'), await before.login('ann')];
      await change.loseTheRest();
      await before.login('ann');
      const after = await change.promote();
      expect(await fate(after, out.token)).toBe('logged_out');
      expect(await fate(after, revoked.token)).toBe('revoked');
      expect(await fate(after, replaced.token)).toBe('replaced');
      for (const { token } of others) expect(await fate(after, token)).toBe('live');
      expect(healed).toBe(0);
    });

    it('a revokeAll that the replica received, or that came after, stands against a lost login', async () => {
      await using change = await failover();
      const { before } = change;
      const first = await before.login('ann');
      await before.revokeAll('ann');
      await change.loseTheRest();
      const lost = await before.login('ann');
      const after = await change.promote();
      expect(await fate(after, first.token)).toBe('revoked');
      expect(await after.revokeAll('ann')).toBe(0);
      expect(await fate(after, lost.token)).toBe('revoked');
      expect(healed).toBe(0);
      expect(await fate(after, (await after.login('ann')).token)).toBe('live');
      expect(await fate(after, lost.token)).toBe('revoked');
    });

    it('a user whose first login was lost is unknown, and signs in again: a missing record never heals', async () => {
      await using change = await failover();
      const { before } = change;
      await before.login('bob');
      await change.loseTheRest();
      const { token } = await before.login('ann');
      const after = await change.promote();
      expect(await race(10, () => fate(after, token))).toEqual(Array.from({ length: 10 }, () => 'unknown'));
      expect(healed).toBe(0);
      expect(await fate(after, (await after.login('ann')).token)).toBe('live');
      // Now the record is there, and a younger login in it.
      expect(await fate(after, token)).toBe('replaced');
    });

    it('what remains possible: an end that the replica did not receive is forgotten, and its token lives again', async () => {
      await using change = await failover({ limit: 3 });
      const { before } = change;
      const [out, revoked, kept] = [await before.login('ann'), await before.login('ann'), await before.login('ann')];
      await change.loseTheRest();
      await before.logout(await before.verify(out.token));
      await before.revoke('ann', revoked.session.handle);
      const after = await change.promote();
      expect(await fate(after, out.token)).toBe('live');
      expect(await fate(after, revoked.token)).toBe('live');
      expect(await fate(after, kept.token)).toBe('live');
      // Ended again, they are over.
      expect(await after.revokeAll('ann')).toBe(3);
      expect(await fate(after, out.token)).toBe('revoked');
    });
  },
);

describe('what was lost, by a clock that the test sets', () => {
  /** Sessions of a Redis that can forget: what `lost` does is undone, as it is on a replica that did not receive it. */
  async function forgetful(more: Partial<SingleSessionOptions> = {}) {
    const redis = it_.clients.client();
    const clock = await settableClock(redis);
    const sessions = sessionsOn(clock.client, more);
    async function lost<T>(act: () => Promise<T>): Promise<T> {
      const [key = ''] = await it_.clients.scan();
      const dump = await redis.dumpBuffer(key);
      const result = await act();
      await redis.restore(key, await redis.pttl(key), dump, 'REPLACE');
      return result;
    }
    return { clock, sessions, lost };
  }

  it.each([
    ['healMs', { healMs: 5000 }, 4999],
    ['healMs, a minute when nothing is said', {}, 59_999],
    ['idleMs where that is less', { idleMs: 3000 }, 2999],
  ])('a token heals until it is as old as %s, and never after', async (_what, more, lastMs) => {
    for (const [ageMs, expected] of [
      [lastMs, 'live'],
      [lastMs + 1, 'unknown'],
      [lastMs + 60_000, 'unknown'],
    ] as const) {
      const { clock, sessions, lost } = await forgetful(more);
      await sessions.revokeAll('ann');
      await clock.advance(1);
      const { token } = await lost(() => sessions.login('ann'));
      await clock.advance(ageMs);
      expect(await fate(sessions, token)).toBe(expected);
    }
    expect(healed).toBe(1);
  });

  it('with healMs 0 nothing heals, not even in the same microsecond', async () => {
    const { clock, sessions, lost } = await forgetful({ healMs: 0 });
    await sessions.login('ann');
    await clock.advance(1);
    const { token } = await lost(() => sessions.login('ann'));
    expect(await fate(sessions, token)).toBe('unknown');
    expect(healed).toBe(0);
  });

  it('a login of the future, of a server whose clock is behind, does not heal; what remains possible: it does when the clock gets there', async () => {
    const { clock, sessions, lost } = await forgetful();
    const old = await sessions.login('ann');
    await clock.advance(10_000);
    const { token } = await lost(() => sessions.login('ann'));
    await clock.advance(-0.001);
    expect(await fate(sessions, token)).toBe('unknown');
    await clock.advance(-5000);
    expect(await fate(sessions, token)).toBe('unknown');
    expect(await fate(sessions, old.token)).toBe('live');
    expect(healed).toBe(0);
    await clock.advance(5000.001);
    expect(await fate(sessions, token)).toBe('live');
    expect(healed).toBe(1);
  });

  it('two lost logins: whichever comes first, the last of them wins', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const { clock, sessions, lost } = await forgetful();
      const old = await sessions.login('ann');
      await clock.advance(1000);
      const logins = await lost(async () => {
        const first = await sessions.login('ann');
        await clock.advance(1000);
        return [first, await sessions.login('ann')];
      });
      for (const n of order) await fate(sessions, logins[n]?.token ?? '');
      expect(await fate(sessions, logins[1]?.token ?? '')).toBe('live');
      expect(await fate(sessions, logins[0]?.token ?? '')).toBe('replaced');
      expect(await fate(sessions, old.token)).toBe('replaced');
      await sessions.revokeAll('ann');
      await clock.advance(1000);
    }
  });

  it('what remains possible: a login that was displaced heals when all that displaced it was lost and stays away', async () => {
    const { clock, sessions, lost } = await forgetful();
    await sessions.login('ann');
    await clock.advance(1000);
    const [displaced] = await lost(async () => [await sessions.login('ann'), await sessions.login('ann')]);
    expect(await fate(sessions, displaced?.token ?? '')).toBe('live');
  });

  it('a login after the failover is younger than all that was lost: nothing heals past it', async () => {
    const { clock, sessions, lost } = await forgetful();
    await sessions.login('ann');
    await clock.advance(1000);
    const { token } = await lost(() => sessions.login('ann'));
    await clock.advance(1000);
    const next = await sessions.login('ann');
    expect(await fate(sessions, token)).toBe('replaced');
    expect(await fate(sessions, next.token)).toBe('live');
    expect(healed).toBe(0);
  });

  it('healing displaces one, as a login does: the least used of as many as may live', async () => {
    const { clock, sessions, lost } = await forgetful({ limit: 3 });
    const tokens: string[] = [];
    for (const device of ['a', 'b', 'c']) {
      tokens.push((await sessions.login('ann', { device })).token);
      await clock.advance(1000);
    }
    const { token } = await lost(() => sessions.login('ann', { device: 'd' }));
    expect(await devices(sessions)).toEqual(['c', 'b', 'a']);
    expect(await race(50, () => fate(sessions, token))).toEqual(Array.from({ length: 50 }, () => 'live'));
    expect(healed).toBe(1);
    expect(await devices(sessions)).toEqual(['', 'c', 'b']);
    expect(await fate(sessions, tokens[0] ?? '')).toBe('replaced');
  });

  it('under reject a lost login takes a free seat back, and nobody’s', async () => {
    const { clock, sessions, lost } = await forgetful({ policy: 'reject' });
    const first = await sessions.login('ann');
    const live = await sessions.verify(first.token);
    await clock.advance(1000);
    const { token } = await lost(async () => {
      await sessions.logout(live);
      return sessions.login('ann');
    });
    // The logout that made room was lost too: the seat is taken, and stays so.
    expect(await fate(sessions, token)).toBe('replaced');
    expect(await fate(sessions, first.token)).toBe('live');
    expect(healed).toBe(0);
    await sessions.logout(live);
    expect(await fate(sessions, token)).toBe('live');
    expect(healed).toBe(1);
  });

  it('a logout with the lost login’s own token ends it: the guard heals it first', async () => {
    const { clock, sessions, lost } = await forgetful();
    await sessions.login('ann');
    await clock.advance(1000);
    const { token } = await lost(() => sessions.login('ann'));
    expect(await sessions.logout(await sessions.verify(token))).toBe(true);
    expect(await fate(sessions, token)).toBe('logged_out');
  });

  it('what remains possible: revokeOthers and revoke do not reach a login that nobody knows; its own logout and revokeAll do', async () => {
    const { clock, sessions, lost } = await forgetful({ limit: 2 });
    const mine = await sessions.login('ann', { device: 'mine' });
    await clock.advance(1000);
    const [theirs, verified] = await lost(async () => {
      const login = await sessions.login('ann', { device: 'theirs' });
      return [login, await sessions.verify(login.token)] as const;
    });
    expect(await sessions.revokeOthers(await sessions.verify(mine.token))).toBe(0);
    expect(await sessions.revoke('ann', theirs.session.handle)).toBe(false);
    expect(await fate(sessions, theirs.token)).toBe('live');
    expect(await sessions.revokeAll('ann')).toBe(2);
    expect(await fate(sessions, theirs.token)).toBe('revoked');
    expect(await fate(sessions, mine.token)).toBe('revoked');
    expect(await sessions.logout(verified)).toBe(false);
  });

  it('a logout by a session that was verified before the failover ends it, though nobody knows it any more', async () => {
    const { clock, sessions, lost } = await forgetful();
    const mine = await sessions.login('ann');
    await clock.advance(1000);
    const [theirs, verified] = await lost(async () => {
      const login = await sessions.login('ann');
      return [login, await sessions.verify(login.token)] as const;
    });
    expect(await sessions.logout(verified)).toBe(false);
    expect(await fate(sessions, theirs.token)).toBe('logged_out');
    expect(await fate(sessions, mine.token)).toBe('live');
  });
});
