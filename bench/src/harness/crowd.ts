import { once } from 'node:events';
import { type IncomingMessage, get } from 'node:http';
import { type RedisServer, startRedis } from '@turnpike/test-kit';
import { type AppProcess, startProcess } from './app-process.ts';
import type { Entrant } from './case.ts';
import { httpTo, must } from './http.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** Many callers of many processes who want one value at one moment. */
export interface Crowd {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly entrants: readonly Entrant[];
  readonly processes: number;
  /** What comes before the crowd, and is not counted. */
  prepare?(urls: readonly string[], n: number): Promise<unknown>;
  /** Brings the crowd once; resolves to how long each caller waited. `n` tells one time from another. */
  bring(urls: readonly string[], n: number): Promise<readonly number[]>;
  /** How often it is brought. */
  readonly times: number;
  /** Of Turnpike. */
  readonly mostLoads: number;
  /** Why there are more, where there are: by hand, and without figures. */
  readonly why?: string;
}

/** What came of it, each time it was brought. */
export interface CrowdResult extends Entrant {
  /** How often the value was loaded, by all processes together. */
  readonly loads: Spread;
  /** How long the slowest caller waited. */
  readonly slowestMs: Spread;
}

export async function measureCrowd(crowd: Crowd, say: (what: string) => void): Promise<CrowdResult[]> {
  const results: CrowdResult[] = [];
  for (const entrant of crowd.entrants) {
    say(`${crowd.id}: ${entrant.name}`);
    await using redis = await startRedis();
    results.push(await bringTo(crowd, entrant, redis));
  }
  return results;
}

async function bringTo(crowd: Crowd, entrant: Entrant, redis: RedisServer): Promise<CrowdResult> {
  const setting = { redis: { host: redis.host, port: redis.port }, variant: entrant.variant };
  const apps: AppProcess[] = [];
  try {
    for (let n = 0; n < crowd.processes; n += 1) apps.push(await startProcess(entrant.file, setting));
    const urls = apps.map(({ url }) => url);
    const loads: number[] = [];
    const slowest: number[] = [];
    // The first time, everything is slow for the first time.
    for (let n = 0; n <= crowd.times; n += 1) {
      await crowd.prepare?.(urls, n);
      const before = await loadsOf(urls);
      const waits = await crowd.bring(urls, n);
      if (n === 0) continue;
      loads.push((await loadsOf(urls)) - before);
      slowest.push(Math.max(...waits));
    }
    return { ...entrant, loads: spreadOf(loads), slowestMs: spreadOf(slowest) };
  } finally {
    for (const app of apps) await app.stop();
  }
}

async function loadsOf(urls: readonly string[]): Promise<number> {
  const said = await Promise.all(urls.map((url) => httpTo(url)({ path: '/loads' })));
  return said.reduce((sum, { body }) => sum + (JSON.parse(body) as { loads: number }).loads, 0);
}

/** All processes are one site, as behind a load balancer: a page belongs to its host. (`fetch` would say each one's own.) */
const HOST = 'shop.example';

async function statusOf(url: string): Promise<number | undefined> {
  const [response] = (await once(get(url, { headers: { host: HOST } }), 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

/** Asks all processes for one path, so many callers at each, all at one moment. */
export async function askTogether(urls: readonly string[], path: string, callers: number): Promise<number[]> {
  const startedAt = performance.now();
  const one = async (url: string): Promise<number> => {
    const status = await statusOf(url + path);
    must(status === 200, `${path} was answered ${status}`);
    return performance.now() - startedAt;
  };
  return Promise.all(urls.flatMap((url) => Array.from({ length: callers }, () => one(url))));
}
