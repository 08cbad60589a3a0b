// One process of the race: reads, and writes followed by their invalidation, at random, and says which reads were stale. With a
// tier reads may be as old as that is allowed to be, until what was invalidated has been heard of.
import { setTimeout as sleep } from 'node:timers/promises';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';
import { randomFrom } from './chance.mjs';
import { databaseAt } from './database-at.mjs';

/** Makes values worth compressing. */
const PAD = 'x'.repeat(200);

/** A tier whose time is much longer has to hear of it within this, in ms. */
const QUIET_MS = 2000;

await runMember(async ({ index, args, barrier, send }) => {
  const {
    url,
    prefix,
    port,
    seed,
    rounds,
    ops,
    keyCounts,
    loadMs,
    loadTimeoutMs,
    dist,
    endsAtStale,
    l1TtlMs,
    spreadMs,
    readShare,
  } = args;
  const { createCache } = await import(`${dist}/index.js`);
  const { l1 } = await import(`${dist}/l1/index.js`);
  const random = randomFrom(seed * 1000 + index);
  const chance = (share) => random() < share;
  const database = databaseAt(port);
  const redis = new Redis(url);
  // Half of them store values compressed, and all read them.
  const compressAboveBytes = index % 2 === 0 ? 100 : undefined;
  const tier = l1TtlMs === undefined ? {} : { l1: l1({ l1TtlMs }) };
  const ours = { redis, prefix, ttlMs: 600_000, loadTimeoutMs, deadlineMs: 5000, compressAboveBytes };
  const cache = createCache({ ...ours, ...tier });
  const stale = [];

  for (let round = 0; round < rounds; round += 1) {
    const keys = Array.from({ length: keyCounts[round % keyCounts.length] }, (_, n) => `s${seed}:r${round}:k${n}`);
    const group = `s${seed}:r${round}:group`;

    const read = async (key, n) => {
      stale.push(...(await staleOf(key, n, l1TtlMs ?? 0)).map((row) => `read: ${row}`));
    };

    const staleOf = async (key, n, agoMs) => {
      const atLeast = await database('settled', [key, group], { agoMs });
      // A few loads are too slow for their timeout: their value comes late, and is stored if it may be.
      const delayMs = chance(0.008) ? 2 * loadTimeoutMs : random() * loadMs[round % loadMs.length];
      const load = async ({ tag }) => {
        tag(group);
        return { ...(await database('read', [key, group], { delayMs })), pad: PAD };
      };
      // Every other key expires within a few ms, and is loaded anew behind its stale value.
      const freshness = n % 2 === 0 ? {} : { ttlMs: 3, staleMs: 600_000 };
      let rows;
      try {
        rows = await cache.getOrLoad(key, load, freshness);
      } catch {
        return []; // too slow: the caller has an error, and no old value
      }
      return [key, group]
        .filter((row) => rows[row] < atLeast[row])
        .map((row) => `${row} was ${rows[row]}, and ${atLeast[row]} was settled`);
    };

    /** What was invalidated is on its way to a tier for some ms. */
    const quietRead = async (key, n) => {
      const until = performance.now() + (l1TtlMs === undefined ? 0 : QUIET_MS);
      let old = await staleOf(key, n, 0);
      while (old.length > 0 && performance.now() < until) {
        await sleep(10);
        old = await staleOf(key, n, 0);
      }
      stale.push(...old.map((row) => `quiet: ${row}`));
    };

    // Of some keys at once, as of one: what each of them is worth is judged by itself.
    const readMany = async (wanted) => {
      const atLeast = await database('settled', [...wanted, group], { agoMs: l1TtlMs ?? 0 });
      const delayMs = chance(0.008) ? 2 * loadTimeoutMs : random() * loadMs[round % loadMs.length];
      const load = async (missing, { tag }) => {
        const rows = await database('read', [...missing, group], { delayMs });
        for (const key of missing) tag(key, group);
        return missing.map((key) => [key, { [key]: rows[key], [group]: rows[group], pad: PAD }]);
      };
      const freshness = chance(0.5) ? {} : { ttlMs: 3, staleMs: 600_000 };
      let values;
      try {
        values = await cache.getMany(wanted, load, freshness);
      } catch {
        return;
      }
      for (const [key, rows] of values) {
        for (const row of [key, group]) {
          if (rows[row] < atLeast[row]) stale.push(`many: ${row} was ${rows[row]}, and ${atLeast[row]} was settled`);
        }
      }
    };

    // A few invalidations are dated ahead by about as long as a load takes: within it loads are shared, and not stored.
    const dated = () => (chance(0.25) ? { quarantineMs: 1 + Math.floor(random() * 30) } : {});

    const write = async (rows, invalidate) => {
      const committed = await database('write', rows);
      await invalidate();
      await database('done', rows, { committed });
    };

    const operate = async () => {
      await sleep(random() * spreadMs);
      const n = Math.floor(random() * keys.length);
      const key = keys[n];
      if (chance(readShare)) return chance(0.25) ? readMany(keys.filter(() => chance(0.5))) : read(key, n);
      // Every other round invalidates by key alone: a mark would hide what a key's own invalidation left behind.
      const isByKey = round % 2 === 1;
      if (!isByKey && chance(0.08)) return write([...keys, group], () => cache.clear(dated()));
      // So many other marks that the group's own becomes part of the floor.
      const others = chance(0.03)
        ? Array.from({ length: 5000 }, (_, other) => `${seed}-${round}-${index}-${other}`)
        : [];
      if (!isByKey && chance(0.3)) {
        return write([group], async () => {
          await cache.invalidate({ tags: [group], ...dated() });
          if (others.length > 0) await cache.invalidate({ tags: others });
        });
      }
      if (chance(0.2)) {
        const rows = [key];
        const committed = await cache.writeThrough(key, () => database('write', rows), dated());
        return database('done', rows, { committed });
      }
      return write([key], () => cache.invalidate({ keys: [key], ...dated() }));
    };

    await Promise.all(Array.from({ length: ops }, operate));
    await barrier(`round ${round}`);
    await Promise.all(keys.map(quietRead));
    if (endsAtStale && stale.length > 0) send({ stale });
    await barrier(`checked ${round}`);
  }
  const { load, stored, refused, joined, waited, hit } = cache.stats();
  const l1Hit = cache.stats().l1?.hits ?? 0;
  return { stale, stats: { load, stored, refused, joined, waited, hit, l1Hit } };
});
