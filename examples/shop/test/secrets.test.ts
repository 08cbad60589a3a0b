import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import type { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { PASSWORDS, shop } from './shop.ts';

const it_ = shop();

/** What identifies or lets in somebody, and is to be found nowhere. Cards are sent where no card belongs: in bodies, keys and links. */
const CARD = '4111111111111111';
const DEVICE = 'The phone of Ann';
const PACKAGES = ['rate-limit', 'single-session', 'idempotency', 'cache-aside'];

const shown = (value: unknown): string => `${inspect(value, { depth: 10 })}\n${JSON.stringify(value)}`;

/** Everything that is said while `work` runs, by whom it is said. */
async function listening(work: () => Promise<void>): Promise<Record<'events' | 'logs' | 'published', string>> {
  const said = { events: '', logs: '', published: '' };
  const hear = (event: unknown): void => void (said.events += shown(event));
  const warn = (warning: Error): void => void (said.logs += shown(warning));
  const spies = (['log', 'info', 'warn', 'error'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((...words: unknown[]) => void (said.logs += words.map(shown).join(' '))),
  );
  for (const name of PACKAGES) subscribe(`turnpike:${name}`, hear);
  process.on('warning', warn);
  const listener = it_.clients.client();
  listener.on('pmessage', (...words: string[]) => void (said.published += words.join(' ')));
  await listener.psubscribe('*');
  try {
    await work();
  } finally {
    for (const name of PACKAGES) unsubscribe(`turnpike:${name}`, hear);
    process.off('warning', warn);
    for (const spy of spies) spy.mockRestore();
  }
  return said;
}

/** All keys, and all that is in them, as Redis holds it. */
async function dump(redis: Redis): Promise<{ keys: string; values: string }> {
  const keys = await redis.keys('*');
  const values = await Promise.all(
    keys.map(async (key) => {
      const type = await redis.type(key);
      const read = { string: ['GET', key], hash: ['HGETALL', key], zset: ['ZRANGE', key, '0', '-1'] }[type];
      if (read === undefined) throw new Error(`a key of type ${type}: ${key}`);
      const found: unknown = await redis.callBuffer(read[0]!, ...read.slice(1));
      return [found]
        .flat()
        .map((part) => (part as Buffer).toString('latin1'))
        .join('\n');
    }),
  );
  return { keys: keys.join('\n'), values: values.join('\n') };
}

it('what identifies somebody, or lets in, is in no key, no event, no log, no message, no metric, and in no value', async () => {
  const { http } = it_;
  const redis = it_.clients.client();
  await redis.flushall();
  const tokens: string[] = [];
  const guests: string[] = [];
  let metrics = '';

  const said = await listening(async () => {
    const login = (password: string, device = DEVICE) =>
      http.post('/login').send({ email: 'Ann@Example.com', password, device, card: CARD });
    const signIn = async (): Promise<{ Authorization: string }> => {
      const { body } = await login(PASSWORDS.ann).expect(200);
      tokens.push(String(body.token));
      return { Authorization: `Bearer ${String(body.token)}` };
    };
    const inCart = await http.put('/cart/p1').send({ quantity: 1, card: CARD }).expect(200);
    guests.push(/=([^;]+)/.exec(String(inCart.headers['set-cookie']))?.[1] ?? 'no cookie');
    await login('a guess of mine').expect(401);
    const old = await signIn();
    const ann = await signIn();
    await http.get('/me').set(old).expect(401);
    await http.get('/me').set(ann).expect(200);
    const order = (as: object, body: object | string = { productId: 'p1', quantity: 1, card: CARD }, key = CARD) =>
      http
        .post('/orders')
        .set({ ...as, 'Idempotency-Key': key, 'Content-Type': 'application/json' })
        .send(body);
    await order(ann).expect(201);
    await order(ann).expect(201);
    await order(ann, { productId: 'p1', quantity: 2, card: CARD }).expect(422);
    await order(ann, `{"email":"ann@example.com","card":"${CARD}",`).expect(400);
    await order({ Authorization: `Bearer ${tokens[1]}x` }).expect(401);
    await http.get(`/products?q=${CARD}`).set(ann).expect(200);
    await http.get(`/products/p1?utm=${CARD}`).expect(200);
    await http.get(`/${CARD}/ann@example.com`).expect(404);
    await http.put('/products/p1/price').set(ann).send({ priceCents: 1, card: CARD }).expect(403);
    await http.get('/products/p1').set('X-Forwarded-For', `ann@example.com, ${CARD}`).expect(200);
    // And when Redis refuses to decide.
    await redis.config('SET', 'maxmemory', '1');
    await order({ ...ann, 'X-Request-Id': CARD }, { productId: 'p2', quantity: 1 }, `${CARD}-2`).expect(503);
    await login(PASSWORDS.ann).expect(503);
    await redis.config('SET', 'maxmemory', '0');
    metrics = (await http.get('/metrics').expect(200)).text;
    await order(await signIn()).expect(201);
  });

  const { keys, values } = await dump(redis);
  const secrets = [
    ...tokens.flatMap((token) => [token, ...token.split('.').slice(1)]),
    ...Object.values(PASSWORDS),
    ...guests,
    'a guess of mine',
    'ann@example.com',
    CARD,
    'thirty-two bytes or more, in a test',
  ];
  const sidOf = (token: string): string =>
    String((JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { sid: unknown }).sid);
  secrets.push(...tokens.map(sidOf));
  expect(secrets.length).toBeGreaterThan(15);
  const places = { ...said, metrics, keys, values };
  for (const text of Object.values(places)) expect(text).not.toBe('');
  const found = Object.entries(places).flatMap(([place, text]) =>
    secrets
      .filter((secret) => text.toLowerCase().includes(secret.toLowerCase()))
      .map((secret) => `${secret} in ${place}`),
  );
  expect(found).toEqual([]);
  // The label of a device is what a package keeps of a person, as its README says, and it is told to who displaced it.
  expect(values).toContain(DEVICE);
  expect(keys + said.events + said.logs + metrics).not.toContain(DEVICE);
});
