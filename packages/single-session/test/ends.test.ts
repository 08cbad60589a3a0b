import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually, faultProxy, settableClock } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { type Session, type SingleSession, type SingleSessionOptions, singleSession } from '../src/index.ts';
import { fate, options } from './app.ts';
import { listeningBy } from './listening-by.ts';

const it_ = setting();

const sessionsOn = (redis: Redis, more: Partial<SingleSessionOptions> = {}) =>
  singleSession(options(redis, it_.clients.prefix, more));

const behind = (proxy: { host: string; port: number }): Redis =>
  it_.clients.client({ host: proxy.host, port: proxy.port });

/** Counts how often the session's stream was closed; resolves when it is watched, and was found to be live. */
async function watched(sessions: SingleSession<object>, session: Session<object>, token: string) {
  const stream = { closed: 0 };
  sessions.onEnd(session, () => (stream.closed += 1));
  await sessions.onEnded(() => undefined);
  // On the connection of the look, and behind it.
  expect(await fate(sessions, token)).toBe('live');
  return stream;
}

describe('a kick that was not heard', () => {
  it('is found out also when Redis did not answer as soon as it was heard again', async () => {
    await using asking = await faultProxy(it_.server);
    await using listening = await faultProxy(it_.server);
    const sessions = sessionsOn(listeningBy(behind(asking), behind(listening)), { deadlineMs: 100 });
    const elsewhere = sessionsOn(it_.clients.client());
    const { token } = await elsewhere.login('ann');
    const stream = await watched(sessions, await sessions.verify(token), token);
    listening.refuse();
    await elsewhere.login('ann');
    asking.blackhole();
    listening.pass();
    await eventually(async () => {
      const channel = `${it_.clients.prefix}:v1:single-session:ended`;
      expect(await it_.clients.client().pubsub('NUMSUB', channel)).toEqual([channel, 1]);
    });
    // The look that follows is given up as this is.
    expect(await fate(sessions, token)).toBe('ERR_TURNPIKE_STORE_TIMEOUT');
    asking.pass();
    await eventually(() => expect(stream.closed).toBe(1));
    sessions.close();
  });

  it('is found out where the subscription was refused at first', async () => {
    const redis = it_.clients.client();
    let refusals = 0;
    const sessions = sessionsOn(
      listeningBy(redis, {
        duplicate(override) {
          const made = redis.duplicate(override);
          const { subscribe } = made;
          return Object.assign(made, {
            subscribe(...channels: string[]) {
              if (refusals > 0) return subscribe.apply(made, channels);
              refusals += 1;
              return Promise.reject(new Error('Command timed out'));
            },
          });
        },
      }),
    );
    const { token } = await sessions.login('ann');
    let closed = 0;
    sessions.onEnd(await sessions.verify(token), () => (closed += 1));
    await eventually(() => expect(refusals).toBe(1));
    await sessions.login('ann');
    await eventually(() => expect(closed).toBe(1));
    sessions.close();
  });

  it('is found out when the client has left for another server, and the listening connection knows of nothing', async () => {
    await using asking = await faultProxy(it_.server);
    await using gone = await faultProxy(it_.server);
    const ways = [behind(gone), it_.clients.client()];
    const sessions = sessionsOn(
      listeningBy(behind(asking), { duplicate: (override) => ways.shift()?.duplicate(override) }),
    );
    const { token } = await sessions.login('ann');
    const stream = await watched(sessions, await sessions.verify(token), token);
    gone.blackhole();
    await sessionsOn(it_.clients.client()).login('ann');
    expect(stream.closed).toBe(0);
    asking.cut();
    await eventually(() => expect(stream.closed).toBe(1));
    sessions.close();
  });
});

describe('the end of a session', () => {
  it('is looked for again while the server’s clock says that it has not come', async () => {
    const clock = await settableClock(it_.clients.client());
    await clock.set(Date.now() - 60_000);
    const sessions = singleSession(options(clock.client, it_.clients.prefix, { idleMs: 5000, absoluteMs: 5000 }));
    const { token } = await sessions.login('ann');
    const stream = await watched(sessions, await sessions.verify(token), token);
    expect(stream.closed).toBe(0);
    await clock.advance(5000);
    await eventually(() => expect(stream.closed).toBe(1));
    sessions.close();
  });

  it('lets go of its stream, long before it would have come by itself', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const sessions = sessionsOn(it_.clients.client());
    const session = await sessions.verify((await sessions.login('ann')).token);
    let closed = 0;
    const watch = (): WeakRef<object> => {
      const stream = { end: () => (closed += 1) };
      sessions.onEnd(session, () => void stream.end());
      return new WeakRef(stream);
    };
    const stream = watch();
    await sessions.login('ann');
    await eventually(() => expect(closed).toBe(1));
    await eventually(() => {
      collect();
      expect(stream.deref()).toBeUndefined();
    });
    sessions.close();
  });
});
