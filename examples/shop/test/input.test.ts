import { expect, it, vi } from 'vitest';
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
