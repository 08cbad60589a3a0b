import type { Case, Entrant, Place } from '../harness/case.ts';
import { type Call, type Http, must } from '../harness/http.ts';
import { added, bytesEach, commands } from '../harness/target.ts';

const TURNPIKE = 'turnpike';
const GET_AND_END = 'one getBuffer + raw end';

const bare: Entrant = { name: 'bare Express', role: 'bare', file: 'idempotency/bare', variant: '' };
const turnpike: Entrant = { name: TURNPIKE, role: 'turnpike', file: 'idempotency/turnpike', variant: '' };
const byHand: Entrant = {
  name: 'SET NX + stored body, by hand',
  role: 'limit',
  file: 'idempotency/by-hand',
  variant: '',
  lacks:
    'no payload is compared; a run that was killed blocks its key for a day, and so does a claim whose reply was lost; status and headers are not kept; hangs while Redis hangs',
};
const rivals: readonly Entrant[] = [
  {
    name: 'express-idempotency',
    role: 'rival',
    file: 'idempotency/express-idempotency',
    variant: '',
    lacks:
      'two at once both run: it looks, and then writes; one caller gets the answer of another; the answer leaves before it is stored; hangs while Redis hangs',
  },
  {
    name: '@node-idempotency/core',
    role: 'rival',
    file: 'idempotency/node-idempotency',
    variant: '',
    lacks:
      'one caller gets the answer of another; a run that was killed blocks its key until its TTL; what is not sent by `res.send` is not kept; hangs while Redis hangs',
  },
];

/** An order, as JSON. */
const BODY = JSON.stringify({ productId: 'p1', quantity: 2 });

export const order = (key: string): Call => ({
  method: 'POST',
  path: '/orders',
  headers: { 'content-type': 'application/json', 'x-user': 'ann', 'idempotency-key': key },
  body: BODY,
});

/** Keys of one length, as clients make them. */
export const keyOf = (n: number): string => `6f1e0c52-0000-4000-8000-${String(n).padStart(12, '0')}`;

async function placedBy(app: Http): Promise<number> {
  const { body } = await app({ path: '/placed' });
  return (JSON.parse(body) as { placed: number }).placed;
}

/** A retry gets the first answer and places nothing; another key is another order. */
async function runsOnce({ app }: Place): Promise<void> {
  const before = await placedBy(app);
  const first = await app(order('a-key-to-check'));
  const again = await app(order('a-key-to-check'));
  must(first.status === 201 && again.status === 201, `an order and its retry are ${first.status} and ${again.status}`);
  must(first.body === again.body, `the retry got ${again.body} instead of ${first.body}`);
  const placed = (await placedBy(app)) - before;
  must(placed === 1, `an order and its retry were placed ${placed} times`);
  const other = await app(order('another-key-to-check'));
  must(other.status === 201 && other.body !== first.body, 'another key is another order');
}

const make = async ({ app }: Place, n: number): Promise<void> => void (await app(order(keyOf(n))));

/** What the handler answers, of which a record holds a copy. */
const ANSWER_BYTES = Buffer.byteLength('{"id":"order-100000","productId":"p1","quantity":2,"total":2400}');

export const idempotencyCases: readonly Case[] = [
  {
    id: 'idempotency/first',
    title: 'An order runs for the first time',
    about: 'POST of 30 bytes of JSON, a new key each time; claimed, run, and its answer stored.',
    entrants: [bare, turnpike, byHand, ...rivals],
    check: runsOnce,
    load: async () => ({ call: (n) => order(keyOf(n)), status: 201 }),
    weighing: { thing: 'record', things: 10, make, payloadBytes: ANSWER_BYTES },
    targets: [
      { text: 'commands', atMost: 2, unit: 'commands', value: commands(TURNPIKE) },
      {
        text: 'bytes per record, beside the body',
        atMost: 400,
        unit: 'B',
        value: bytesEach(TURNPIKE),
      },
    ],
  },
  {
    id: 'idempotency/replay',
    title: 'A retry gets the first answer',
    about: 'The same POST again and again, with one key.',
    entrants: [
      { ...bare, name: 'bare Express, raw end', file: 'idempotency/bare-replay' },
      { ...byHand, name: GET_AND_END, variant: 'replay only', lacks: 'claims nothing: the least a replay can be' },
      turnpike,
      byHand,
      ...rivals,
    ],
    check: runsOnce,
    async load({ app }) {
      await app(order(keyOf(0)));
      return { call: order(keyOf(0)), status: 201 };
    },
    targets: [
      {
        text: `CPU added, to ${GET_AND_END}`,
        atMost: 1.5,
        unit: '×',
        value: added(TURNPIKE, GET_AND_END),
        why: 'A replay is believed only when caller, path and payload are the same: two SHA-256 and a canonical form of the JSON, about a quarter of what is ours; the rest is the guarded call, which could also claim, and the headers of the first answer. The command itself costs no more than a GET.',
      },
      { text: 'commands', atMost: 1, unit: 'commands', value: commands(TURNPIKE) },
    ],
  },
];
