import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { scale } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { seeded } from '../src/random.ts';
import { FAULT_KINDS, type Fault, POLICIES, schedule } from '../src/soak/schedule.ts';

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

it('a soak finds nothing', async () => {
  const seconds = scale({ quick: 3, full: 60 });
  const main = join(import.meta.dirname, '../dist/soak/main.js');
  const run = spawn(process.execPath, [main], { env: { ...process.env, SOAK_SECONDS: String(seconds) } });
  let said = '';
  for (const stream of [run.stdout, run.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(run, 'exit')) as [number];
  expect(said).toMatch(/\nviolations 0\n$/);
  expect(said).toMatch(/^SOAK_SEED=\d+/);
  expect(code).toBe(0);
});
