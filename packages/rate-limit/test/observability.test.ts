import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { register } from 'prom-client';
import { expect, it } from 'vitest';
import { createRateLimiter } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const page = readFileSync(join(import.meta.dirname, '../../../docs/observability.md'), 'utf8');
const shown = (file: string): void =>
  expect(page).toContain(readFileSync(join(import.meta.dirname, 'observability', file), 'utf8').trim());

/** Two admissions and a denial. */
async function decide(): Promise<void> {
  const redis = it_.clients.client();
  const limiter = createRateLimiter({ redis, prefix: it_.clients.prefix, name: 'api', limit: 2, windowMs: 60_000 });
  for (let n = 0; n < 3; n += 1) await limiter.take('ann');
}

it('docs/observability.md wires prom-client', async () => {
  shown('prometheus.ts');
  await import('./observability/prometheus.ts');
  await decide();
  expect(await register.getSingleMetricAsString('rate_limit_decisions_total')).toContain(
    'rate_limit_decisions_total{policy="api",type="allow",by="redis"} 2',
  );
});

it('docs/observability.md wires OpenTelemetry', async () => {
  shown('opentelemetry.ts');
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  await import('./observability/opentelemetry.ts');
  await decide();
  await reader.forceFlush();
  const points = exporter.getMetrics()[0]?.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
  expect(points.map(({ attributes, value }) => [attributes['type'], value])).toEqual([
    ['allow', 2],
    ['deny', 1],
  ]);
  await provider.shutdown();
});
