import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const text = readFileSync(join(import.meta.dirname, '../compose.yaml'), 'utf8');

describe('compose.yaml', () => {
  const { services, volumes } = parse(text);

  it('has a Redis, a Postgres and the shop, each with a check of its health', () => {
    expect(Object.keys(services)).toEqual(['redis', 'postgres', 'shop']);
    for (const service of Object.values(services)) expect(service.healthcheck.test[0]).toBe('CMD');
    expect(services.shop.image).toBe('node:20');
    expect(services.shop.command.at(-1)).toMatch(/npm start$/);
  });

  it('starts the shop when both are healthy, and tells it where they are', () => {
    expect(services.shop.depends_on).toEqual({
      redis: { condition: 'service_healthy' },
      postgres: { condition: 'service_healthy' },
    });
    const { REDIS_URL, DATABASE_URL } = services.shop.environment;
    expect([new URL(REDIS_URL).hostname, new URL(DATABASE_URL).hostname]).toEqual(['redis', 'postgres']);
    const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = services.postgres.environment;
    expect(new URL(DATABASE_URL)).toMatchObject({
      username: POSTGRES_USER,
      password: POSTGRES_PASSWORD,
      pathname: `/${POSTGRES_DB}`,
    });
  });

  it('keeps what must be kept: a policy that nobody warns of, a file, and volumes that are declared', () => {
    const { command } = services.redis;
    const valueOf = (option) => command[command.indexOf(option) + 1];
    expect(['noeviction', 'volatile-ttl']).toContain(valueOf('--maxmemory-policy'));
    expect(valueOf('--appendonly')).toBe('yes');
    const mounted = [services.redis, services.postgres].flatMap((service) => service.volumes);
    expect(new Set(mounted.map((volume) => volume.split(':')[0]))).toEqual(new Set(Object.keys(volumes)));
  });

  it('says that no test runs it', () => {
    expect(text).toMatch(/Not run by the tests/);
  });
});
