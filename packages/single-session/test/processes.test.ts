import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, fleet } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import express from 'express';
import { expect, it } from 'vitest';
import { singleSession } from '../src/index.ts';
import { JWT, fate, options } from './app.ts';

const it_ = setting();

const here = () => singleSession(options(it_.clients.client(), it_.clients.prefix));

/** A process in which ann has signed in. */
async function elsewhere() {
  const { server, clients } = it_;
  const members = await fleet(1, new URL('fleet/sign-in.mjs', import.meta.url), {
    args: { url: server.url, prefix: clients.prefix, jwt: JWT, userId: 'ann' },
  });
  const heard: { token?: string; fate?: string }[] = [];
  members.onMessage((message) => heard.push(message as object));
  await eventually(() => expect(heard).toHaveLength(1), { withinMs: 10_000 });
  const [member] = members.members;
  return {
    token: heard[0]!.token!,
    member: member!,
    /** It may stand still: what it says comes to `fates`. */
    ask: (...tokens: string[]) => tokens.forEach((token) => members.broadcast(token)),
    fates: () => heard.slice(1).map(({ fate: told }) => told),
    [Symbol.asyncDispose]: () => members.stop(),
  };
}

it('a process that is killed takes no session with it', async () => {
  await using other = await elsewhere();
  await other.member.kill();
  expect(await fate(here(), other.token)).toBe('live');
});

it('a process that stood still knows at once who was signed out meanwhile', async () => {
  await using other = await elsewhere();
  other.ask(other.token);
  await eventually(() => expect(other.fates()).toEqual(['live']));
  other.member.pause();
  const newer = await here().login('ann');
  other.ask(other.token, newer.token);
  other.member.resume();
  await eventually(() => expect(other.fates()).toHaveLength(3));
  // Which of the two it has read first is the order of two replies.
  expect(new Set(other.fates().slice(1))).toEqual(new Set(['live', 'replaced']));
});

it('a client that hangs up stays signed in', async () => {
  const sessions = here();
  const { token } = await sessions.login('ann');
  const app = express().get('/', sessions.guard(), () => undefined);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  let [begun, closed] = [0, 0];
  server.on('request', (_req, res) => {
    begun += 1;
    res.once('close', () => (closed += 1));
  });
  const { port } = server.address() as AddressInfo;
  const asked = httpRequest({ port, host: '127.0.0.1', headers: { Authorization: `Bearer ${token}` } });
  asked.on('error', () => undefined).end();
  await eventually(() => expect(begun).toBe(1));
  asked.destroy();
  await eventually(() => expect(closed).toBe(1));
  expect(await fate(sessions, token)).toBe('live');
  server.close();
});
