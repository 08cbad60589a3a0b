import { eventually } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { type Watched, createLooks } from './looks.ts';

/** So many watches, which share what is said of them; and how many were asked about, at all and at once. */
function watchesOf(count: number, say: () => Promise<boolean>) {
  const seen = { asked: 0, now: 0, atOnce: 0 };
  const isLive = async (): Promise<boolean> => {
    seen.asked += 1;
    seen.now += 1;
    seen.atOnce = Math.max(seen.atOnce, seen.now);
    try {
      return await say();
    } finally {
      seen.now -= 1;
    }
  };
  const watches = new Set<Watched>(Array.from({ length: count }, () => ({ isLive })));
  return { seen, watches };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('looks', () => {
  it('at all of thousands, and at so many at once that Redis answers them in time', async () => {
    const ended: Watched[] = [];
    const { seen, watches } = watchesOf(1050, () => turn().then(() => false));
    createLooks(watches, (watch) => void ended.push(watch)).at(watches);
    await eventually(() => expect(ended).toHaveLength(1050));
    expect([seen.asked, seen.atOnce]).toEqual([1050, 100]);
    expect(new Set(ended).size).toBe(1050);
  });

  it('again, and at nobody else, while nobody can say', async () => {
    let isThere = false;
    let ended = 0;
    const { seen, watches } = watchesOf(1050, async () => {
      if (!isThere) throw new Error('Redis is away');
      return false;
    });
    createLooks(watches, () => (ended += 1)).at(watches);
    await turn();
    expect(seen.asked).toBe(100);
    isThere = true;
    await eventually(() => expect(ended).toBe(1050));
    expect(seen.asked).toBe(1150);
  });

  it('at one once more that is asked for while it is looked at, and not at one that is watched no longer', async () => {
    const { seen, watches } = watchesOf(2, () => turn().then(() => true));
    const [one, other] = [...watches] as [Watched, Watched];
    const looks = createLooks(watches, () => undefined);
    looks.at([one]);
    looks.at([one, other]);
    watches.delete(other);
    await eventually(() => expect(seen.asked).toBe(2));
    await turn();
    expect([seen.asked, seen.now]).toEqual([2, 0]);
  });
});
