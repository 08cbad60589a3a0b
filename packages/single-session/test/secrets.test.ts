import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { eventually, settableClock } from '@turnpike/test-kit';
import express from 'express';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, singleSession } from '../src/index.ts';
import { type Tokens, refreshing } from '../src/refresh/index.ts';
import { SECRET, contentOf, options } from './app.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const PEPPER = 'a pepper of more than sixteen characters';
const USER = 'alice@example.com';

/** Everything that a run of all operations says, and to whom. */
interface Said {
  readonly commands: string[];
  readonly published: string[];
  readonly events: string[];
  readonly warnings: string[];
  readonly errors: string[];
  readonly answers: string[];
  readonly objects: string[];
}

/** A value in all ways in which it ends up in a log. */
const shown = (value: unknown): string =>
  [inspect(value, { depth: 20, showHidden: true }), JSON.stringify(value), String(value)].join('\n') +
  (value instanceof Error ? `${value.stack}${value.cause === undefined ? '' : shown(value.cause)}` : '');

const warnings: string[] = [];
const warn = (warning: Error): void => void warnings.push(shown(warning));
beforeAll(() => void process.on('warning', warn));
afterAll(() => void process.off('warning', warn));

/** Runs every operation, the failing ones too. */
async function runAll() {
  const said: Said = { commands: [], published: [], events: [], warnings, errors: [], answers: [], objects: [] };
  const tokens: string[] = [];
  const monitor = await it_.clients.client().monitor();
  monitor.on('monitor', (_time: string, args: string[]) => said.commands.push(args.join(' ')));
  const subscriber = it_.clients.client();
  subscriber.on('pmessage', (...message: string[]) => said.published.push(message.join(' ')));
  await subscriber.psubscribe('*');
  const onEvent = (event: unknown): void => void said.events.push(shown(event));
  subscribe('turnpike:single-session', onEvent);

  const redis = it_.clients.client();
  const clock = await settableClock(redis);
  const base = options(clock.client, it_.clients.prefix, { pepper: PEPPER, idleMs: 60_000, deadlineMs: 250 });
  const sessions = singleSession({ ...base, limit: 2 });
  const rejecting = singleSession({ ...base, limit: 1, policy: 'reject', prefix: `${it_.clients.prefix}-r` });
  const believing = singleSession({ ...base, onStoreError: 'token-only' });

  const login = async (on = sessions, device = 'Phone') => {
    const { token, ...rest } = await on.login(USER, { device });
    tokens.push(token);
    said.objects.push(shown(rest));
    return { token, ...rest };
  };
  const fail = async (act: () => Promise<unknown>): Promise<void> => {
    const error: unknown = await act().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(Error);
    said.errors.push(shown(error), shown(refusal(error)));
  };
  const app = (on = sessions) =>
    express()
      .use(on.guard())
      .use((req, res) => {
        const session = on.of(req);
        said.objects.push(shown(session));
        res.json(session);
      });
  const ask = async (token: string, on = sessions): Promise<number> => {
    const answer = await request(app(on)).get('/').set('Authorization', `Bearer ${token}`);
    said.answers.push(answer.text, shown(answer.headers));
    return answer.status;
  };

  await sessions.onEnded((ended) => said.objects.push(shown(ended)));
  const [first, second] = [await login(), await login()];
  sessions.onEnd(await sessions.verify(first.token), () => said.objects.push('closed'));
  const third = await login(sessions, 'Laptop');
  expect([await ask(first.token), await ask(second.token), await ask(third.token)]).toEqual([401, 200, 200]);
  for (const wrong of ['', 'a.b.c', `${third.token}x`, third.token.slice(0, -9)]) {
    expect(await ask(wrong)).toBe(401);
    await fail(() => sessions.verify(wrong));
  }
  await fail(() => sessions.verify(first.token));
  await fail(() => sessions.login(USER, { claims: { sid: contentOf(first.token).sid } }));
  expect(await sessions.revoke(USER, contentOf(first.token).sid)).toBe(false);

  const { sid, gen } = contentOf(third.token);
  const own = singleSession({ ...base, jwt: false });
  const { sid: claimed, ...claim } = await own.claim(USER, { device: 'App' });
  said.objects.push(shown({ ...claim, gen: 0 }));
  const claims = await request(express().use(own.guard({ from: () => ({ userId: USER, sid, gen }) }))).get('/');
  said.answers.push(claims.text);

  const { refresh, handler, ...refreshed } = refreshing(sessions, { accessMs: 30_000 });
  const pair = <T extends Tokens>({ token, refreshToken, ...rest }: T): T => {
    tokens.push(token, refreshToken);
    said.objects.push(shown(rest));
    return { token, refreshToken, ...rest } as unknown as T;
  };
  const askNext = async (refreshToken: unknown): Promise<void> => {
    const refused = await request(express().post('/', express.json(), handler()))
      .post('/')
      .send({ refreshToken });
    expect([401, 503]).toContain(refused.status);
    said.answers.push(refused.text, shown(refused.headers));
  };
  const begun = pair(await refreshed.login(USER, { device: 'Tablet' }));
  const next = pair(await refresh(begun.refreshToken));
  pair(await refresh(begun.refreshToken));
  expect(await ask(begun.refreshToken)).toBe(401);
  await fail(() => refresh(next.token));
  await askNext(`${next.refreshToken}x`);
  pair(await refresh(next.refreshToken));
  // Used again after its successor was: it ends the session, and is told of.
  await fail(() => refresh(begun.refreshToken));
  await askNext(next.refreshToken);

  await clock.advance(6000);
  const live = await login();
  await ask(live.token);
  said.objects.push(shown(await sessions.list(USER)), shown(await sessions.verify(live.token)));
  expect(await sessions.logout(await sessions.verify(live.token))).toBe(true);
  expect(await ask(live.token)).toBe(401);

  await login(rejecting);
  await fail(() => login(rejecting));

  // A login that this Redis has lost.
  const [key = ''] = (await it_.clients.scan(':*')).filter((name) => name.includes('single-session'));
  const dump = await redis.dumpBuffer(key);
  await clock.advance(1000);
  const lost = await login();
  await redis.restore(key, 60_000, dump, 'REPLACE');
  expect(await ask(lost.token)).toBe(200);

  const [kept, gone] = [await login(), await login()];
  await sessions.revoke(USER, gone.session.handle);
  await sessions.revokeOthers(await sessions.verify(kept.token));
  await sessions.revokeAll(USER);
  expect(await ask(kept.token)).toBe(401);

  const last = await login();
  await clock.advance(60_000);
  expect(await ask(last.token)).toBe(401);
  const stays = await login();
  const waiting = pair(await refreshed.login(USER));

  it_.server.pause();
  await fail(() => refresh(waiting.refreshToken));
  await askNext(waiting.refreshToken);
  expect([await ask(stays.token), await ask(stays.token, believing)]).toEqual([503, 200]);
  await fail(() => sessions.login(USER));
  it_.server.resume();
  await eventually(async () => expect(await ask(stays.token)).toBe(200));

  await redis.set(key, 'another program’s', 'PX', 60_000);
  await fail(() => sessions.verify(stays.token));
  await redis.del(key);
  expect(await ask(stays.token)).toBe(401);
  await login();

  const marker = `marker ${it_.clients.prefix}`;
  await redis.echo(marker);
  await eventually(() => expect(said.commands.some((command) => command.includes(marker))).toBe(true));
  unsubscribe('turnpike:single-session', onEvent);
  sessions.close();
  monitor.disconnect();
  return { said, tokens, claimed, redis };
}

describe('a run of all operations', () => {
  it('tells Redis, events, warnings, errors, answers and logged objects no token, refresh token, session id, secret or pepper', async () => {
    const { said, tokens, claimed, redis } = await runAll();

    const dump: string[] = [];
    for (const key of await redis.keys('*')) {
      dump.push(key, String(await redis.dumpBuffer(key)));
      if ((await redis.type(key)) !== 'hash') continue;
      const fields = await redis.hgetallBuffer(key);
      for (const [name, value] of Object.entries(fields)) dump.push(name, value.toString('latin1'));
    }

    const parts = tokens.flatMap((token) => [token, ...token.split('.').slice(1), contentOf(token).sid]);
    const sids = [claimed, ...tokens.map((token) => contentOf(token).sid)];
    const bytes = sids.flatMap((sid) => [
      Buffer.from(sid, 'base64url').toString('hex'),
      Buffer.from(sid, 'base64url').toString('base64'),
      Buffer.from(sid, 'base64url').toString('latin1'),
    ]);
    const secrets = new Set([...parts, ...sids, ...bytes, SECRET, PEPPER]);
    expect(tokens.length).toBeGreaterThan(20);
    expect([...secrets].every((secret) => secret.length >= 16)).toBe(true);

    for (const [where, texts] of Object.entries({ ...said, dump })) {
      const text = texts.join('\n');
      for (const secret of secrets) expect(text.includes(secret), `a secret in ${where}`).toBe(false);
    }
    // There was something to find it in.
    const { commands, published, events, errors, answers, objects } = said;
    for (const texts of [commands, published, events, errors, answers, objects, dump]) {
      expect(texts.length).toBeGreaterThan(2);
    }
    expect(commands.join('\n')).toContain('Laptop');
    expect(events.join('\n')).toContain('refresh_reused');
    const types = ['login', 'rejected', 'refused', 'healed', 'degraded'];
    for (const type of types) expect(events.join('\n')).toContain(`type: '${type}'`);

    // With a pepper Redis does not know its users either, and neither do events and errors.
    for (const texts of [commands, published, events, errors, dump]) expect(texts.join('\n')).not.toContain(USER);
  });
});
