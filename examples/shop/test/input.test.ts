import { maxHeaderSize } from 'node:http';
import { scale } from '@turnpike/test-kit';
import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { garbage } from './garbage.ts';
import { send } from './raw-connection.ts';
import { problemIn, shop } from './shop.ts';

const it_ = shop();

const ROUTES = [
  ['POST', '/login'],
  ['POST', '/orders'],
  ['PUT', '/products/p1/price'],
  ['PUT', '/cart/p1'],
] as const;

it.each(ROUTES)(
  '%s %s answers what it cannot read with problem details, and logs nothing that identifies anybody',
  async (method, path) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const eve = await it_.as('eve');
    const send = (body: string | Buffer, type = 'application/json') =>
      it_.http[method === 'PUT' ? 'put' : 'post'](path)
        .set({ ...eve, 'Idempotency-Key': 'k', 'Content-Type': type })
        .send(body);
    for (const [body, status] of [
      ['{"email":"ann@example.com",', 400],
      ['"ann@example.com"', 400],
      [`{"x":"${'y'.repeat(5000)}"}`, 413],
      ['[]', 400],
      ['{"a":1}', 400],
      [`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`, 413],
    ] as const) {
      const answer = await send(body);
      expect([400, 401, status], `${body.slice(0, 40)}: ${answer.text.slice(0, 200)}`).toContain(answer.status);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(problemIn(answer)['code']).toMatch(/^[a-z_]+$/);
      expect(answer.text).not.toMatch(/node_modules|at .*\.[jt]s|SELECT|select /);
    }
    await send(Buffer.from([0xff, 0xfe]), 'application/octet-stream');
    expect(JSON.stringify(logged.mock.calls)).not.toMatch(/ann@|eve@|Bearer/);
    logged.mockRestore();
  },
);

it('what is not there is 404, with problem details, and the page at / is there', async () => {
  for (const path of ['/nothing', '/products/', '/orders/../../etc/passwd', '/%2e%2e/package.json']) {
    const answer = await it_.http.get(path);
    expect([200, 400, 404]).toContain(answer.status);
    expect(answer.text).not.toMatch(/"dependencies"|root:/);
  }
  expect(problemIn(await it_.http.delete('/products/p1').expect(404))['code']).toBe('not_found');
});

/** The answers on a connection; a body need not end its line. */
const statusesIn = (said: string): number[] =>
  [...said.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

/** So much garbage is sent, each piece on a connection of its own. */
const CASES = scale({ quick: 300, full: 20_000 });

/** So many at a time: all come from one address, which would be refused everything before long. */
const TOGETHER = 10;

/** Nothing is wrong with the server: what cannot be done is the client's fault. 501 and 505 are Node's own. */
const isExpected = (status: number): boolean => status < 500 || status === 501 || status === 505;

it(`${CASES} connections that send garbage are each answered or ended, and say nothing of the inside`, async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const rejected: unknown[] = [];
  const note = (reason: unknown): void => void rejected.push(reason);
  process.on('unhandledRejection', note);
  onTestFinished(() => {
    process.off('unhandledRejection', note);
    logged.mockRestore();
  });
  const [, token = ''] = (await it_.as('ann')).Authorization.split(' ');
  const port = Number(new URL(it_.url).port);
  const counts = new Map<number, number>();
  const redis = it_.clients.client();
  const forgetCounts = async (): Promise<void> => {
    const keys = await it_.clients.scan(':v1:rate-limit:*');
    if (keys.length > 0) await redis.del(...keys);
  };

  const together = fc.array(garbage, { minLength: TOGETHER, maxLength: TOGETHER });
  const isRight = fc.asyncProperty(together, async (pieces) => {
    await forgetCounts();
    const answers = await Promise.all(pieces.map((piece) => send(piece, token, port)));
    for (const [n, said] of answers.entries()) {
      const statuses = statusesIn(said);
      for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
      expect(statuses.filter((status) => !isExpected(status))).toEqual([]);
      if (pieces[n]!.isWhole) expect(statuses).not.toEqual([]);
      expect(said).not.toMatch(/node_modules|\bat .*\.[jt]s:\d|"stack"|SELECT |select .* from /);
    }
  });
  await fc.assert(isRight, { numRuns: CASES / TOGETHER });

  console.log(Object.fromEntries([...counts].toSorted(([one], [other]) => one - other)));
  expect(rejected).toEqual([]);
  expect(logged.mock.calls).toEqual([]);
  await forgetCounts();
  await it_.http.get('/healthz').expect(200, { ok: true });
  await it_.as('ann');
  const keys = await it_.clients.scan();
  expect(keys.filter((key) => !/^[\w.~:{}-]+$/.test(key))).toEqual([]);
}, 600_000);

// Found by the fuzzer above: the 431 was lost in 4 of 10 that were cut so.
it('a head longer than Node takes is answered 431; cut, with more behind it, that or hung up on', async () => {
  const long = 'a'.repeat(maxHeaderSize);
  const head = `GET /products HTTP/1.1\r\nHost: shop.example\r\nCookie: ${long}\r\nContent-Length: 50000\r\n\r\n`;
  const port = Number(new URL(it_.url).port);
  const answersTo = async (text: string, ...cuts: number[]) =>
    statusesIn(await send({ bytes: Buffer.from(text), isWhole: true, cuts }, '', port));
  for (let n = 0; n < 50; n++) {
    expect(await answersTo(head)).toEqual([431]);
    expect([[], [431]]).toContainEqual(await answersTo(head + long.repeat(3), 0, 0.98));
  }
  await it_.http.get('/healthz').expect(200, { ok: true });
});
