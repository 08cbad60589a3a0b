import { race } from '@turnpike/test-kit';
import { describe, expect, it, vi } from 'vitest';
import { problemIn, shop } from './shop.ts';

const it_ = shop();
const login = (email: unknown, password: unknown) => it_.http.post('/login').send({ email, password });

describe('POST /login', () => {
  it('lets the right password in, and refuses the sixth wrong one, also all at once', async () => {
    await it_.as('ann');
    const guesses = await race(20, async () => (await login('Ann@Example.com ', 'guess')).status);
    expect(guesses.filter((status) => status === 401)).toHaveLength(5);
    expect(guesses.filter((status) => status === 429)).toHaveLength(15);
  });

  it('says the same of an account that is not there as of a wrong password', async () => {
    const [wrong, nobody] = [await login('ann@example.com', 'guess'), await login('nobody@example.com', 'guess')];
    expect([wrong.status, wrong.text]).toEqual([nobody.status, nobody.text]);
  });

  it('answers odd input with 400 or 401, and never with a stack trace', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    for (const [email, password] of [
      [undefined, undefined],
      [null, 1],
      [{ $gt: '' }, ['x']],
      ['__proto__', 'x'],
      ['a\0b', 'x'],
      ['x'.repeat(1500), 'x'.repeat(1500)],
    ]) {
      expect((await login(email, password)).status).toBe(401);
    }
    vi.restoreAllMocks();
  });
});

describe('an account', () => {
  it('is open on one device: the newest login wins, and the other is told by which', async () => {
    const phone = await it_.as('ann', 'Phone');
    expect((await it_.http.get('/me').set(phone).expect(200)).body).toMatchObject({
      user: 'ann@example.com',
      role: 'customer',
      device: 'Phone',
    });
    await it_.as('ann', 'Laptop');
    const refused = await it_.http.get('/me').set(phone).expect(401);
    expect(problemIn(refused)).toMatchObject({ code: 'session_replaced', 'replaced-by': { device: 'Laptop' } });
    await it_.http.get('/me').expect(401).expect('WWW-Authenticate', 'Bearer');
  });

  it('shows its devices, ends them, and signs out', async () => {
    const phone = await it_.as('ann', 'Phone');
    const { devices } = (await it_.http.get('/devices').set(phone).expect(200)).body;
    expect(devices).toMatchObject([{ device: 'Phone', isThis: true }]);
    for (const handle of ['AAAAAAAAAAAA', 'nonsense'])
      await it_.http.delete(`/devices/${handle}`).set(phone).expect(404);
    await it_.http.delete(`/devices/${devices[0].handle}`).set(phone).expect(204);
    expect(problemIn(await it_.http.get('/me').set(phone).expect(401))['code']).toBe('session_revoked');
    const again = await it_.as('ann');
    await it_.http.post('/logout').set(again).expect(204);
    await it_.http.get('/me').set(again).expect(401);
  });
});
