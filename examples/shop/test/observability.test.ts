import { ifClientHas } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { shop } from './shop.ts';

const it_ = shop();

describe('GET /metrics', () => {
  it('counts what the packages decided, and requests by route, with no label that grows', async () => {
    const ann = await it_.as('ann');
    await it_.http.get('/products/p1').expect(200);
    await it_.http.get('/products/p1').expect(200);
    await it_.http
      .post('/orders')
      .set({ ...ann, 'Idempotency-Key': 'secret-key' })
      .send({ productId: 'p1', quantity: 1 });
    await it_.http.get('/no/such/path').expect(404);
    const { text } = await it_.http.get('/metrics').expect(200);
    for (const line of [
      'turnpike_events_total{package="cache-aside",type="page-hit",detail=""} 1',
      'turnpike_events_total{package="rate-limit",type="allow",detail="orders"} 1',
      'turnpike_events_total{package="single-session",type="login",detail=""} 1',
      'turnpike_events_total{package="idempotency",type="run",detail=""} 1',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toMatch(/http_request_duration_seconds_count{method="GET",route="\/products\/:id",status="200"} 2/);
    expect(text).not.toMatch(/ann@|secret-key|no\/such/);
  });
});

describe('health', () => {
  it('is told of the process, and of what it stands on', async () => {
    await it_.http.get('/healthz').expect(200, { ok: true });
    await it_.http.get('/readyz').expect(200, { redis: true, database: true });
  });
});

describe('Server-Timing', () => {
  it('says how many commands a request has asked of Redis', ifClientHas('sendCommand to count'), async () => {
    await it_.http.get('/products/p1');
    const { headers } = await it_.http.get('/products/p1').expect(200);
    // The limit, and the page with the clock of the cache.
    expect(headers['server-timing']).toMatch(/^redis;desc=2, app;dur=\d+\.\d$/);
  });
});
