import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, fleet } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const LEASE_MS = 1500;
/** How long is waited for what comes at once on a machine that has nothing else to do. */
const soon = { withinMs: 20_000 };
const [OWNER, SUCCESSOR] = [0, 1];

/** What the owner says when it goes on, too late. */
const ENDINGS = ['answer', 'release', 'failure'] as const;
type Ending = (typeof ENDINGS)[number];

interface Answer {
  readonly status: number;
  readonly isReplay: boolean;
  readonly text: string;
}

interface Asked {
  readonly stopAt?: 'after the claim';
  readonly ends?: Ending;
}

/** Two processes that run again what is in doubt, and number the orders they place. */
interface Shops {
  order(shop: number, cart: string, asked?: Asked): Promise<Answer>;
  /** Resolves when the handler of that request stands still. */
  standing(shop: number, cart: string): Promise<unknown>;
  letGo(shop: number, cart: string): void;
  pause(shop: number): void;
  resume(shop: number): void;
  /** The carts whose runs had their signal aborted. */
  abortedIn(shop: number): string[];
  eventsOf(shop: number): string[];
  [Symbol.asyncDispose](): Promise<void>;
}

type FromShop =
  | { kind: 'listening'; port: number }
  | { kind: 'event'; type: string }
  | { kind: 'aborted'; cart: string }
  | { kind: 'begin' | 'insert' | 'reached'; cart: string; replyTo: string };

async function openShops(): Promise<Shops> {
  const { url } = it_.server;
  const { prefix } = it_.clients;
  const shops = await fleet(2, new URL('fleet/shop.mjs', import.meta.url), {
    args: { url, prefix, options: { onInDoubt: 'rerun', leaseMs: LEASE_MS } },
  });
  const ports: number[] = [];
  const said: { shop: number; message: FromShop }[] = [];
  const stands = new Map<string, string>();
  let orders = 0;

  shops.onMessage((given, shop) => {
    const message = given as FromShop;
    said.push({ shop, message });
    if (message.kind === 'listening') ports[shop] = message.port;
    else if (message.kind === 'reached') stands.set(`${shop} ${message.cart}`, message.replyTo);
    else if (message.kind === 'begin') shops.broadcast({ to: message.replyTo, value: 'begun' });
    else if (message.kind === 'insert') {
      const order = { number: (orders += 1), cart: message.cart };
      shops.broadcast({ to: message.replyTo, value: order });
    }
  });
  await eventually(() => Object.keys(ports).length === 2, soon);

  return {
    order(shop, cart, asked) {
      const answer = post(ports[shop] ?? 0, cart, asked);
      // A test that fails leaves it before the shops are closed.
      answer.catch(() => undefined);
      return answer;
    },
    standing: (shop, cart) => eventually(() => stands.has(`${shop} ${cart}`), soon),
    letGo: (shop, cart) => shops.broadcast({ to: stands.get(`${shop} ${cart}`), value: 'go' }),
    pause: (shop) => shops.members[shop]?.pause(),
    resume: (shop) => shops.members[shop]?.resume(),
    abortedIn: (of) =>
      said.flatMap(({ shop, message }) => (shop === of && message.kind === 'aborted' ? [message.cart] : [])),
    eventsOf: (of) =>
      said.flatMap(({ shop, message }) => (shop === of && message.kind === 'event' ? [message.type] : [])),
    [Symbol.asyncDispose]: () => shops.stop(),
  };
}

async function post(port: number, cart: string, { stopAt, ends }: Asked = {}): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}/orders`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': cart,
      'x-cart': cart,
      ...(stopAt && { 'x-stop-at': stopAt }),
      ...(ends && { 'x-ends': ends }),
    },
    body: JSON.stringify({ cart }),
  });
  const isReplay = answer.headers.get('idempotent-replayed') === 'true';
  return { status: answer.status, isReplay, text: await answer.text() };
}

const isInFlight = ({ status, text }: Answer): boolean => status === 409 && text.includes('idempotency_in_flight');

/** What a shop says as soon as it does not say that the first request is in flight. */
const finalAnswer = (shops: Shops, shop: number, cart: string, asked?: Asked): Promise<Answer> =>
  eventually(
    async () => {
      const answer = await shops.order(shop, cart, asked);
      return isInFlight(answer) ? false : answer;
    },
    { ...soon, everyMs: 25 },
  ) as Promise<Answer>;

/** The answers of the successor: it asks until the lease of the owner has run out. */
const takeOver = (shops: Shops, asked?: Asked): Promise<Answer[]> =>
  Promise.all(ENDINGS.map((cart) => finalAnswer(shops, SUCCESSOR, cart, asked)));

/** The successor in three handlers, where it stands. */
async function runningSuccessor(shops: Shops): Promise<{ answers: Promise<Answer[]> }> {
  const answers = takeOver(shops, { stopAt: 'after the claim' });
  answers.catch(() => undefined);
  await Promise.all(ENDINGS.map((cart) => shops.standing(SUCCESSOR, cart)));
  return { answers };
}

/** An owner that stands in three handlers, and is paused there. */
async function pausedOwner(shops: Shops): Promise<Record<Ending, Promise<Answer>>> {
  const start = (ends: Ending): Promise<Answer> => shops.order(OWNER, ends, { stopAt: 'after the claim', ends });
  const late = { answer: start('answer'), release: start('release'), failure: start('failure') };
  await Promise.all(ENDINGS.map((cart) => shops.standing(OWNER, cart)));
  shops.pause(OWNER);
  return late;
}

function letAllGo(shops: Shops, shop: number): void {
  for (const cart of ENDINGS) shops.letGo(shop, cart);
}

/** The owner has gone on, its own clients have what it did, and none of it was kept. */
async function expectFenced(shops: Shops, late: Record<Ending, Promise<Answer>>, answers: Answer[]): Promise<void> {
  const own = await Promise.all(Object.values(late));
  expect(own.map(({ status }) => status)).toEqual([201, 201, 500]);
  expect(answers.map(({ text }) => text)).not.toContain(own[0]?.text);
  await eventually(() => shops.eventsOf(OWNER).filter((type) => type === 'fenced').length >= ENDINGS.length, soon);
  for (const type of ['kept', 'released', 'doubted']) expect(shops.eventsOf(OWNER)).not.toContain(type);
}

/** Whoever asks, wherever, gets what the successor answered. */
async function expectReplays(shops: Shops, answers: Answer[]): Promise<void> {
  for (const shop of [OWNER, SUCCESSOR]) {
    const again = await Promise.all(ENDINGS.map((cart) => finalAnswer(shops, shop, cart)));
    expect(again).toEqual(answers.map(({ text }) => ({ status: 201, isReplay: true, text })));
  }
}

describe('an owner that was stopped past its lease', () => {
  it('overwrites nothing of what its successor answered: not with an answer, a release or a failure', async () => {
    await using shops = await openShops();
    const late = await pausedOwner(shops);
    const answers = await takeOver(shops);
    expect(answers.map(({ status, isReplay }) => [status, isReplay])).toEqual(ENDINGS.map(() => [201, false]));

    letAllGo(shops, OWNER);
    shops.resume(OWNER);
    await expectFenced(shops, late, answers);
    await expectReplays(shops, answers);
  });

  it('ends nothing of a successor that still runs', async () => {
    await using shops = await openShops();
    const late = await pausedOwner(shops);
    const { answers } = await runningSuccessor(shops);

    letAllGo(shops, OWNER);
    shops.resume(OWNER);
    await expectFenced(shops, late, []);
    const meanwhile = await Promise.all(ENDINGS.map((cart) => shops.order(SUCCESSOR, cart)));
    expect(meanwhile.map(isInFlight)).toEqual([true, true, true]);

    letAllGo(shops, SUCCESSOR);
    await expectReplays(shops, await answers);
  });

  it('hears by its signal of a successor that still runs, before it goes on', async () => {
    await using shops = await openShops();
    const late = await pausedOwner(shops);
    const { answers } = await runningSuccessor(shops);

    shops.resume(OWNER);
    await eventually(() => shops.abortedIn(OWNER).length === ENDINGS.length, soon);
    expect(shops.abortedIn(SUCCESSOR)).toEqual([]);
    letAllGo(shops, SUCCESSOR);
    letAllGo(shops, OWNER);
    await expectFenced(shops, late, await answers);
    await expectReplays(shops, await answers);
  });

  it('keeps its answer where nobody has taken over meanwhile', async () => {
    await using shops = await openShops();
    const late = shops.order(OWNER, 'cart', { stopAt: 'after the claim' });
    await shops.standing(OWNER, 'cart');
    shops.pause(OWNER);
    shops.letGo(OWNER, 'cart');
    await sleep(LEASE_MS * 1.1);

    shops.resume(OWNER);
    const { text } = await late;
    expect(await finalAnswer(shops, SUCCESSOR, 'cart')).toEqual({ status: 201, isReplay: true, text });
    expect(shops.eventsOf(OWNER)).not.toContain('fenced');
  });
});
