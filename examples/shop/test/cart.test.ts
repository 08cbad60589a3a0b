import { race } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { PASSWORDS, problemIn, shop } from './shop.ts';

const it_ = shop();

type Headers = Record<string, string>;

const cookieOf = (answer: { headers: Record<string, unknown> }): string =>
  (answer.headers['set-cookie'] as string[] | undefined)?.[0]?.split(';')[0] ?? '';
const put = (who: Headers, productId: string, quantity: unknown) =>
  it_.http.put(`/cart/${productId}`).set(who).send({ quantity });
const lines = async (who: Headers) => (await it_.http.get('/cart').set(who).expect(200)).body.lines as object[];

describe('a cart', () => {
  it("is a guest's by a cookie that nobody can read in a page, and goes into the account's at login", async () => {
    expect(await lines({})).toEqual([]);
    const first = await put({}, 'p1', 2).expect(200);
    expect(first.headers['set-cookie']?.[0]).toMatch(/^cart=[\w-]{22}; .*HttpOnly; SameSite=Lax$/);
    const guest = { Cookie: cookieOf(first) };
    await put(guest, 'p2', 1).expect(200);
    const ann = await it_.as('ann');
    await put(ann, 'p1', 3).expect(200);
    const { body } = await it_.http
      .post('/login')
      .set(guest)
      .send({ email: 'ann@example.com', password: PASSWORDS.ann })
      .expect(200)
      .expect('Set-Cookie', /^cart=;/);
    const again = { Authorization: `Bearer ${String(body.token)}` };
    expect(await lines(again)).toEqual(
      expect.arrayContaining([
        { productId: 'p1', quantity: 5 },
        { productId: 'p2', quantity: 1 },
      ]),
    );
    expect(await lines(guest)).toEqual([]);
  });

  it('is kept as long as it is used', async () => {
    const guest = { Cookie: cookieOf(await put({}, 'p1', 1).expect(200)) };
    const [key] = await it_.clients.scan(':v1:cart:*');
    const redis = it_.clients.client();
    await redis.pexpire(key!, 1000);
    await lines(guest);
    expect(await redis.pttl(key!)).toBeGreaterThan(6 * 86_400_000);
  });

  it('holds fifty products and a hundred of each, also when all are put at once', async () => {
    const ann = await it_.as('ann');
    const statuses = await race(60, async (n) => (await put(ann, `p${n + 1}`, 1)).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(50);
    expect(await lines(ann)).toHaveLength(50);
    expect(problemIn(await put(ann, 'p999', 1).expect(409))['code']).toBe('cart_full');
  });

  it('loses a product whose quantity is 0, and takes no other number', async () => {
    const ann = await it_.as('ann');
    await put(ann, 'p1', 1).expect(200);
    expect((await put(ann, 'p1', 0).expect(200)).body.lines).toEqual([]);
    for (const odd of [-1, 101, 1.5, '1', null, undefined]) {
      expect(problemIn(await put(ann, 'p1', odd).expect(400))['code']).toBe('no_cart_line');
    }
    await put(ann, "p1'", 1).expect(400);
    await put({ Authorization: 'Bearer nonsense' }, 'p1', 1).expect(401);
  });
});
