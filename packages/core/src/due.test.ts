import { AsyncLocalStorage } from 'node:async_hooks';
import { eventually } from '@turnpike/test-kit';
import { describe, expect, it, vi } from 'vitest';
import { type Due, createDue } from './due.ts';

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** Waits for so many ms, and notes its name when they are over. */
function waiting(due: Due, told: string[], name: string, ms: number) {
  const now = performance.now();
  const waiter = { givesUpAt: now + ms, giveUp: () => told.push(name) };
  due.add(waiter, now);
  return waiter;
}

describe('who waits', () => {
  it('is told when its time is over, in whatever order they came, and not once it has left', async () => {
    const due = createDue();
    const told: string[] = [];
    // Far enough apart that no stall of this machine makes two of them late at once.
    waiting(due, told, 'third', 600);
    waiting(due, told, 'first', 5);
    const gone = waiting(due, told, 'gone', 100);
    waiting(due, told, 'second', 300);
    due.delete(gone);
    await eventually(() => expect(told).toEqual(['first', 'second', 'third']));
  });

  it('is told in nobody’s context: a timer of all would keep that of the one who set it', async () => {
    const [due, request] = [createDue(), new AsyncLocalStorage<string>()];
    const told: unknown[] = [];
    const now = performance.now();
    request.run('a request', () => due.add({ givesUpAt: now + 5, giveUp: () => told.push(request.getStore()) }, now));
    await eventually(() => expect(told).toEqual([undefined]));
  });

  it('may wait on when it is told', async () => {
    const due = createDue();
    const told: number[] = [];
    const startedAt = performance.now();
    const waiter = {
      givesUpAt: startedAt + 5,
      giveUp() {
        told.push(performance.now() - startedAt);
        if (told.length > 1) return;
        waiter.givesUpAt += 20;
        due.add(waiter, performance.now());
      },
    };
    due.add(waiter, startedAt);
    await eventually(() => expect(told).toHaveLength(2));
    expect(told[1]).toBeGreaterThanOrEqual(25);
  });

  it('is told at once when it comes too late, and no timer is set backwards: Node 24 warns of that', async () => {
    const setTimer = vi.spyOn(globalThis, 'setTimeout');
    const [due, told] = [createDue(), [] as string[]];
    waiting(due, told, 'late', -10);
    expect(setTimer.mock.calls.map(([, ms]) => ms)).toEqual([1]);
    setTimer.mockRestore();
    await eventually(() => expect(told).toEqual(['late']));
  });

  it('shares one timer with all others, and leaves none behind', () => {
    const due = createDue();
    const before = timers();
    const waiters = [50, 10, 30].map((ms) => waiting(due, [], String(ms), ms));
    expect(timers()).toBe(before + 1);
    for (const waiter of waiters) due.delete(waiter);
    expect(timers()).toBe(before);
  });
});
