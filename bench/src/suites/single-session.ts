import type { Case, Entrant, Place } from '../harness/case.ts';
import { type Http, must } from '../harness/http.ts';
import { added, bytesEach, commands } from '../harness/target.ts';

const TURNPIKE = 'turnpike';
const SESSION = 'express-session + connect-redis';
const BLACKLIST = 'jwt.verify + a blacklist GET, by hand';

const entrants: readonly Entrant[] = [
  { name: 'bare Express', role: 'bare', file: 'single-session/bare', variant: '' },
  { name: TURNPIKE, role: 'turnpike', file: 'single-session/turnpike', variant: '' },
  {
    name: SESSION,
    role: 'rival',
    file: 'single-session/express-session',
    variant: '',
    lacks:
      'any number of sessions for a user, whom nothing finds: neither one device at a time, nor all of a user ended; hangs while Redis hangs',
  },
  {
    name: BLACKLIST,
    role: 'limit',
    file: 'single-session/jwt-blacklist',
    variant: '',
    lacks:
      'ends one token that is shown to it, and no other: no other device, no idle time, no reasons; believes every token when Redis has lost its list; hangs while Redis hangs',
  },
];

/** Signs in; resolves to the headers that say so. */
export async function signIn(app: Http, user: string): Promise<Record<string, string>> {
  const { status, headers, body } = await app({ method: 'POST', path: `/login/${user}` });
  must(status === 200, `a login was answered ${status}`);
  const [cookie] = headers.getSetCookie().map((line) => line.split(';')[0] ?? '');
  const told = (JSON.parse(body) as { headers: Record<string, string> }).headers;
  return cookie === undefined ? told : { ...told, cookie };
}

/** Who is signed in is seen, who is not is refused, and who signs out is refused from then on. */
async function guards({ app }: Place): Promise<void> {
  const headers = await signIn(app, 'bob');
  const { status, body } = await app({ path: '/me', headers });
  must(status === 200 && body === '{"user":"bob"}', `the signed in user is ${status} ${body}`);
  const stranger = await app({ path: '/me' });
  must(stranger.status === 401, `a stranger was answered ${stranger.status}`);
  const out = await app({ method: 'POST', path: '/logout', headers });
  must(out.status === 204, `a logout was answered ${out.status}`);
  const after = await app({ path: '/me', headers });
  must(after.status === 401, `a session that is over was answered ${after.status}`);
}

export const singleSessionCases: readonly Case[] = [
  {
    id: 'single-session/guard',
    title: 'A signed-in request passes the guard',
    about: 'GET with a bearer token, or a session cookie; all check it at Redis.',
    entrants,
    check: guards,
    load: async ({ app }) => ({ call: { path: '/me', headers: await signIn(app, 'ann') }, status: 200 }),
    weighing: {
      thing: 'session',
      things: 1,
      make: async ({ app }, n) => void (await signIn(app, `user${n}`)),
    },
    targets: [
      {
        text: `CPU added, to ${SESSION}`,
        atMost: 0.5,
        unit: '×',
        value: added(TURNPIKE, SESSION),
        why: 'Most of it is the trip through the client, and its garbage: jwt.verify and one GET by hand take most of it, too. jsonwebtoken is most of what is JavaScript besides.',
      },
      { text: 'commands', atMost: 1, unit: 'commands', value: commands(TURNPIKE) },
      { text: 'bytes per session', atMost: 300, unit: 'B', value: bytesEach(TURNPIKE) },
    ],
  },
];
