import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, Entrant, Place } from '../harness/case.ts';
import { type Call, must } from '../harness/http.ts';
import { added, bytesEach, commands, redisTime, whole } from '../harness/target.ts';

const FIXED = 'turnpike';
const ONE_POLICY = 'turnpike, one policy';
const SLIDING = 'turnpike, sliding window';
const BUCKET = 'turnpike, token bucket';
const ERL = 'express-rate-limit + rate-limit-redis';
const RLF = 'rate-limiter-flexible';
const RLF_MEMORY = 'rate-limiter-flexible, memory block';
const RAW = 'one raw EVALSHA';

const NO_PROMISE = 'hangs while Redis hangs, or fails';

const bare: Entrant = { name: 'bare Express', role: 'bare', file: 'rate-limit/bare', variant: '' };
const raw: Entrant = { name: RAW, role: 'limit', file: 'rate-limit/raw-evalsha', variant: '', lacks: NO_PROMISE };
const turnpike = (name: string, variant: string): Entrant => ({
  name,
  role: 'turnpike',
  file: 'rate-limit/turnpike',
  variant,
});
const fixed = turnpike(FIXED, 'fixed-window');
const sliding = turnpike(SLIDING, 'sliding-window');
const bucket = turnpike(BUCKET, 'token-bucket');
const erl: Entrant = {
  name: ERL,
  role: 'rival',
  file: 'rate-limit/express-rate-limit',
  variant: '',
  lacks: `a window starts with its first request: twice the limit may pass around its end; ${NO_PROMISE}; a command sent twice counts twice; several limits are several calls, and a denial by one is charged to those before it`,
};
const rlf: Entrant = {
  name: RLF,
  role: 'rival',
  file: 'rate-limit/rate-limiter-flexible',
  variant: '',
  lacks: `as the one above, but without headers (here by hand), and a union charges all limits also when one of them refuses`,
};
const rlfMemory: Entrant = {
  name: RLF_MEMORY,
  role: 'rival',
  file: 'rate-limit/rate-limiter-flexible',
  variant: 'memory-block',
  lacks: 'as the one above',
};

/** Five of ten pass, and the others are told when to come back. */
async function limits({ app }: Place): Promise<void> {
  const replies = [];
  for (let n = 0; n < 10; n += 1) replies.push(await app({ path: '/strict' }));
  const statuses = replies.map(({ status }) => status).join(' ');
  must(statuses === `${'200 '.repeat(5)}429 429 429 429 429`, `a limit of 5 answered ${statuses}`);
  const [first, last] = [replies[0], replies[9]];
  must(Number(last?.headers.get('retry-after')) > 0, 'a refusal says when to come back');
  must(first?.headers.get('ratelimit-policy') === '5;w=3600', 'the policy is told');
  must(/^limit=5, ?remaining=4, ?reset=\d+$/.test(first?.headers.get('ratelimit') ?? ''), 'the quota is told');
}

/** One request; and to a sliding window, which grows with its window, as many as make it as long as it becomes. */
async function fill({ app, entrant }: Place): Promise<void> {
  if (entrant.name !== SLIDING) return void (await app({ path: '/weighed' }));
  for (let n = 0; n < 21; n += 1) await Promise.all([app({ path: '/weighed-full' }), sleep(510)]);
}

/** Each with a name as long as an address. */
export const byCallers =
  (path: string) =>
  (n: number): Call => ({ path, headers: { 'x-user': `203.0.113.${String(n % 1000).padStart(3, '0')}` } });

const RATIO = { unit: '×' } as const;

export const rateLimitCases: readonly Case[] = [
  {
    id: 'rate-limit/allow-1',
    title: 'A request is admitted, one policy',
    about: 'GET by 1,000 callers in turn, each far from its limit; the headers of draft 7 from all.',
    entrants: [bare, raw, fixed, sliding, bucket, erl, rlf],
    check: limits,
    load: async () => ({ call: byCallers('/one'), status: 200 }),
    weighing: { thing: 'caller', things: 1, make: fill },
    targets: [
      {
        ...RATIO,
        text: `CPU added, to the cheaper of ${ERL} and ${RLF}`,
        atMost: 1,
        value: added(FIXED, ERL, RLF),
        why: 'Its call has a deadline, a guard against silence and a decision that tells of every policy, which is half of what it adds to a raw call; the rest is its longer command in the client, and the collector. The cheaper one sends a counter, and waits for ever.',
      },
      {
        ...RATIO,
        text: `CPU added, to ${RAW}`,
        atMost: 1.5,
        value: added(FIXED, RAW),
        why: 'As above.',
      },
      { text: 'commands', atMost: 1, unit: 'commands', value: commands(FIXED) },
      {
        text: 'bytes per caller, fixed window',
        atMost: 150,
        unit: 'B',
        value: bytesEach(FIXED),
      },
      {
        text: 'bytes per caller, token bucket',
        atMost: 150,
        unit: 'B',
        value: bytesEach(BUCKET),
      },
      { text: 'bytes per caller, sliding window', atMost: 260, unit: 'B', value: bytesEach(SLIDING) },
    ],
  },
  {
    id: 'rate-limit/allow-3',
    title: 'A request is admitted, three policies',
    about: 'As above, with a limit per second, per minute and per hour.',
    entrants: [bare, { ...fixed, name: ONE_POLICY }, fixed, erl, rlf],
    check: limits,
    load: async ({ entrant }) => ({ call: byCallers(entrant.name === ONE_POLICY ? '/one' : '/three'), status: 200 }),
    targets: [
      {
        ...RATIO,
        text: `CPU added, to the cheaper of ${ERL} and ${RLF}`,
        atMost: 1,
        value: added(FIXED, ERL, RLF),
        why: 'As for one policy: one call for three limits costs less than three calls, but by less than its guard and its decision cost.',
      },
      { ...RATIO, text: 'Redis time, to one policy', atMost: 1.8, value: redisTime(FIXED, ONE_POLICY) },
      { text: 'commands', atMost: 1, unit: 'commands', value: commands(FIXED) },
    ],
  },
  {
    id: 'rate-limit/denied',
    title: 'A caller far over its limit',
    about: 'GET by one address that has used up its limit: the same 429 from all.',
    entrants: [{ ...bare, name: 'bare 429', file: 'rate-limit/bare-429' }, fixed, sliding, erl, rlf, rlfMemory],
    check: limits,
    async load({ app }) {
      for (let n = 0; n < 10; n += 1) await app({ path: '/strict' });
      return { call: { path: '/strict' }, status: 429 };
    },
    targets: [
      {
        ...RATIO,
        text: 'CPU of a request, to a bare handler that answers the same',
        atMost: 1.1,
        value: whole(FIXED, 'bare 429'),
        why: 'What is left is the address in the key, the look into the denials, a decision with times of its own, and a place for it beside the request; the body is made anew by both.',
      },
    ],
  },
];
