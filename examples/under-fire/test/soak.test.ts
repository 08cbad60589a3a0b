import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scale } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { seeded } from '../src/random.ts';
import { notSeen } from '../src/soak/coverage.ts';
import { FAULT_KINDS, type Fault, POLICIES, schedule } from '../src/soak/schedule.ts';
import { settingsFrom } from '../src/soak/settings.ts';

const SLOTS = 3;

function faults(seed: number, count: number): Fault[] {
  const found: Fault[] = [];
  for (const round of schedule(seeded(seed), SLOTS)) {
    found.push(...round);
    if (found.length >= count) return found.slice(0, count);
  }
  return found;
}

describe('the schedule of the soak', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(faults(1, 100)).toEqual(faults(1, 100));
    expect(faults(1, 100)).not.toEqual(faults(2, 100));
  });

  it('has every kind of fault, and every policy of a full server, before any of them again', () => {
    for (const seed of [1, 2, 3]) {
      const first = faults(seed, FAULT_KINDS.length * POLICIES.length);
      expect(new Set(first.slice(0, FAULT_KINDS.length).map(({ kind }) => kind)).size).toBe(FAULT_KINDS.length);
      const full = first.filter(({ kind }) => kind === 'redis maxmemory').map(({ policy }) => policy);
      expect(full).toHaveLength(POLICIES.length);
      expect(new Set(full)).toEqual(new Set(POLICIES));
    }
  });

  it('harms the server, the network and a process once in a round at most, and not for long', () => {
    let rounds = 0;
    for (const round of schedule(seeded(5), SLOTS)) {
      const lanes = round.map(({ kind }) => kind.split(' ')[0]);
      expect(new Set(lanes).size).toBe(lanes.length);
      expect(round.length).toBeGreaterThan(0);
      for (const { forMs, slot = 0 } of round) {
        expect(forMs).toBeLessThanOrEqual(4_000);
        expect(slot).toBeLessThan(SLOTS);
      }
      if ((rounds += 1) === 200) break;
    }
  });
});

/** What a soak said, and its exit code. */
async function soaked(script: string, env: Record<string, string>) {
  const run = spawn(process.execPath, [join(import.meta.dirname, script)], { env: { ...process.env, ...env } });
  let said = '';
  for (const stream of [run.stdout, run.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(run, 'close')) as [number];
  return { said, code };
}

/** What was done in each round. */
const roundsIn = (said: string): string[] => [...said.matchAll(/^ *\d+ s {2}(.*)$/gm)].map(([, round]) => round!);

const MAIN = '../dist/soak/main.js';

it('a soak finds nothing; and of an app that orders twice just that, by the same faults', async () => {
  const seconds = scale({ quick: 3, full: 60 });
  const sound = await soaked(MAIN, { SOAK_SECONDS: String(seconds) });
  expect(sound.said).toMatch(/^\| commit \| ([0-9a-f]{7,}(-dirty)?|unknown: .*) \|$/m);
  expect(sound.said).toMatch(/\nviolations 0\n$/);
  expect(sound.code).toBe(0);

  const seed = /^SOAK_SEED=(\d+)/.exec(sound.said)![1]!;
  const broken = await soaked('broken/main.mjs', { SOAK_SECONDS: '1', SOAK_SEED: seed });
  // An eviction excuses a handler that has run again; nothing excuses a second order where a UNIQUE column has the last word.
  expect(broken.said).toMatch(
    /^order: (key-\S+ has run \d+ times|certain key-\S+ was answered with \d+ orders), of 1 at most$/m,
  );
  expect(broken.said).toMatch(
    new RegExp(`^The same faults again: SOAK_SEED=${seed} SOAK_SECONDS=1 npm run soak\nviolations [1-9]\\d*\n$`, 'm'),
  );
  expect(broken.said.match(/^(?!order)\w+: .*$/gm)).toBeNull();
  expect(broken.code).toBe(1);
  const rounds = roundsIn(broken.said);
  expect(rounds.length).toBeGreaterThan(0);
  expect(roundsIn(sound.said).slice(0, rounds.length)).toEqual(rounds);
});

describe('a soak', () => {
  it.for([
    { SOAK_SECONDS: 'abc' },
    { SOAK_SECONDS: '' },
    { SOAK_SECONDS: '0' },
    { SOAK_SECONDS: '1.5' },
    { SOAK_SEED: 'x' },
  ])('is not begun with %o', async (env) => {
    expect(() => settingsFrom(env)).toThrow(RangeError);
  });

  it('says which setting is wrong', async () => {
    const { said, code } = await soaked(MAIN, { SOAK_SECONDS: 'abc' });
    expect([said, code]).toEqual(['SOAK_SECONDS: an integer from 1, received "abc"\n', 1]);
  });

  it('of a minute has to have seen every kind of fault and answer', () => {
    const nothing = { faults: new Map(), answers: new Map() };
    expect(notSeen(59, nothing)).toEqual([]);
    const missed = notSeen(60, nothing);
    expect(missed).toEqual(expect.arrayContaining(['redis pause has never come', 'order 201 has never come']));
    expect(missed.length).toBeGreaterThan(FAULT_KINDS.length);
    const all = new Map(missed.map((said) => [said.replace(' has never come', ''), 1]));
    expect(notSeen(60, { faults: all, answers: all })).toEqual([]);
    all.delete('me 401');
    expect(notSeen(60, { faults: all, answers: all })).toEqual(['me 401 has never come']);
  });
});

it('docs/soak.md is of one that was long, and found nothing', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/soak.md'), 'utf8');
  const cells = new Map([...page.matchAll(/^\| (.+?) \| (.+) \|$/gm)].map(([, name, value]) => [name, value]));
  expect(Number.parseInt(cells.get('duration') ?? '')).toBeGreaterThanOrEqual(300);
  expect(cells.get('**violations**')).toBe('**0**');
});
