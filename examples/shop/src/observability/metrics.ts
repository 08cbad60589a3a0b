import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Router } from 'express';
import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { RequestHandler } from 'express';

/** For Prometheus: what each package decided, and how long requests took. Labels are bounded: routes, never paths. */
export interface Metrics {
  readonly measured: RequestHandler;
  readonly routes: Router;
  close(): void;
}

const PACKAGES = ['rate-limit', 'single-session', 'idempotency', 'cache-aside'];

export function metricsOf(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const decisions = new Counter({
    name: 'turnpike_events_total',
    help: 'What each package decided',
    labelNames: ['package', 'type', 'detail'],
    registers: [registry],
  });
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Requests by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });

  const subscriptions = PACKAGES.map((name) => {
    const channel = `turnpike:${name}`;
    const listener = (message: unknown): void => {
      const { type, why, policy, reason } = message as Record<string, string | undefined>;
      decisions.inc({ package: name, type: type ?? '', detail: why ?? policy ?? reason ?? '' });
    };
    subscribe(channel, listener);
    return () => unsubscribe(channel, listener);
  });

  const routes = Router();
  routes.get('/metrics', async (_req, res) => {
    res
      .type(registry.contentType)
      .set('Cache-Control', 'no-store')
      .send(await registry.metrics());
  });

  return {
    measured(req, res, next) {
      const took = requests.startTimer();
      res.once('close', () => {
        const { route } = req as { route?: { path?: unknown } };
        const path = typeof route?.path === 'string' ? route.path : 'none';
        took({ method: req.method, route: path, status: res.writableFinished ? String(res.statusCode) : 'aborted' });
      });
      next();
    },
    routes,
    close() {
      for (const stop of subscriptions) stop();
      registry.clear();
    },
  };
}
