import { describe, expect, it } from 'vitest';
import { PROMISED } from '../app.ts';
import type { Exchange, ExchangeOf, History, Op, Standstill } from '../history.ts';
import { violationsIn } from './violations.ts';

/** One exchange that was answered at once. */
const at = <O extends Op>(
  instant: number,
  what: Pick<Exchange, 'status'> & Omit<ExchangeOf<O>, keyof typeof ENVELOPE>,
) => ({ ...ENVELOPE, sentAt: instant, receivedAt: instant + 1, ...what }) as unknown as Exchange;

const ENVELOPE = { instance: 0, sentAt: 0, receivedAt: 0, status: 200, code: undefined as unknown as string };

const found = (
  exchanges: readonly Exchange[],
  more: Partial<History> = {},
  runs: Record<string, number[]> = {},
): string[] =>
  violationsIn(
    { exchanges, losses: [], evictions: [], silences: [], standstills: [], stalls: [], ...more },
    { runs: new Map(Object.entries(runs)) },
  );

const takes = (count: number, isDegraded: boolean, everyMs = 10): Exchange[] =>
  Array.from({ length: count }, (_, n) =>
    at<'take'>(n * everyMs, { op: 'take', status: 200, caller: 'ann', isDegraded }),
  );

describe('the oracle', () => {
  it('counts what Redis admits in any window', () => {
    expect(found(takes(PROMISED.limit, false))).toEqual([]);
    expect(found(takes(PROMISED.limit + 1, false))[0]).toMatch(/^limit: ann was admitted 11 times/);
    expect(found(takes(50, false, PROMISED.windowMs / PROMISED.limit))).toEqual([]);
    expect(found(takes(50, false, PROMISED.windowMs / (PROMISED.limit + 2)))).not.toEqual([]);
  });

  it('excuses a second limit for each loss, and all of an eviction, but only there and then', () => {
    const now = [{ from: 90, to: 110 }];
    const later = [{ from: 5_000, to: 5_010 }];
    expect(found(takes(20, false), { losses: now })).toEqual([]);
    expect(found(takes(21, false), { losses: now })).not.toEqual([]);
    expect(found(takes(50, false), { evictions: [{ from: 90, to: 600 }] })).toEqual([]);
    expect(found(takes(50, false), { evictions: now })).not.toEqual([]);
    expect(found(takes(11, false), { losses: later, evictions: later })).not.toEqual([]);
  });

  it('counts what a process admits by itself', () => {
    expect(found(takes(5, true))).toEqual([]);
    expect(found(takes(6, true))[0]).toMatch(/^limit: ann without Redis by instance 0 was admitted 6 times/);
  });

  it('finds a key that has run twice, with no loss between the two', () => {
    expect(found([], {}, { k: [0, 10] })).toEqual(['order: k has run 2 times, of 1 at most']);
    expect(found([], { losses: [{ from: 5, to: 6 }] }, { k: [0, 10] })).toEqual([]);
    expect(found([], { losses: [{ from: 50, to: 60 }] }, { k: [0, 10] })).not.toEqual([]);
    expect(found([], { evictions: [{ from: 5, to: 6 }] }, { k: [0, 10, 10] })).toEqual([]);
  });

  it('finds a key with two answers, and excuses none where a UNIQUE column has the last word', () => {
    const order = (instant: number, how: 'careful' | 'certain', id: string) =>
      at<'order'>(instant, { op: 'order', status: 201, how, key: 'k', order: id });
    const losses = [{ from: 5, to: 6 }];
    for (const how of ['careful', 'certain'] as const) {
      expect(found([order(0, how, 'a'), order(10, how, 'a')])).toEqual([]);
      expect(found([order(0, how, 'a'), order(10, how, 'b')])).not.toEqual([]);
    }
    expect(found([order(0, 'careful', 'a'), order(10, 'careful', 'b')], { losses })).toEqual([]);
    expect(found([order(0, 'certain', 'a'), order(10, 'certain', 'b')], { losses })).not.toEqual([]);
  });

  it('finds an old device that was let in, and one that nobody signed out', () => {
    const login = (instant: number, token: string) =>
      at<'login'>(instant, { op: 'login', status: 200, user: 'ann', token });
    const me = (instant: number, token: string, status: number) =>
      at<'me'>(instant, { op: 'me', status, user: 'ann', token });
    expect(found([login(0, 'a'), login(10, 'b'), me(20, 'b', 200), me(20, 'a', 401)])).toEqual([]);
    expect(found([login(0, 'a'), login(10, 'b'), me(20, 'a', 200)])).toEqual([
      'session: ann had 2 devices, of 1 at most, at 11 ms',
    ]);
    expect(found([login(0, 'a'), me(10, 'a', 200), login(10, 'b')])).toEqual([]);
    expect(found([login(0, 'a'), me(10, 'a', 401)])[0]).toMatch(/^session: ann was signed out/);
    expect(found([login(0, 'a'), me(10, 'a', 401)], { losses: [{ from: 5, to: 6 }] })).toEqual([]);
  });

  it('finds a third device of who may have two, and one of two that was signed out by one login', () => {
    const login = (instant: number, token: string) =>
      at<'login'>(instant, { op: 'login', status: 200, user: 'eve', token });
    const me = (instant: number, token: string, status: number) =>
      at<'me'>(instant, { op: 'me', status, user: 'eve', token });
    const [two, three] = [
      [login(0, 'a'), login(10, 'b')],
      [login(0, 'a'), login(10, 'b'), login(20, 'c')],
    ];
    expect(found([...two, me(30, 'a', 200), me(30, 'b', 200)])).toEqual([]);
    expect(found([...two, me(30, 'a', 401)])).toEqual(['session: eve was signed out (undefined) by too few']);
    expect(found([...three, me(30, 'a', 401), me(30, 'b', 200), me(30, 'c', 200)])).toEqual([]);
    expect(found([...three, me(30, 'a', 200), me(30, 'b', 200)])).toEqual([
      'session: eve had 3 devices, of 2 at most, at 21 ms',
    ]);
  });

  it('finds a value of a process that is older than its tier allows', () => {
    const write = at<'write'>(0, { op: 'write', status: 200, page: 'p', version: 1, isDelivered: true });
    const read = (instant: number, isNear = true) =>
      at<'read'>(instant, { op: 'read', status: 200, page: 'p', version: 0, isDegraded: false, isNear });
    expect(found([write, read(500)])).toEqual([]);
    expect(found([write, read(500, false)])).toHaveLength(1);
    expect(found([write, read(600)])).toEqual(['page: p was read as version 0, after 1']);
    const stopped = { instance: 0, how: 'stopped' as const, from: 540, to: 600 };
    expect(found([write, read(600)], { standstills: [stopped] })).toEqual([]);
    expect(found([write, read(700)], { standstills: [stopped] })).toHaveLength(1);
  });

  it('finds a login that was given up while Redis did nothing, and displaced somebody when it went on', () => {
    const login = (instant: number, token: string | undefined, status: number) =>
      at<'login'>(instant, { op: 'login', status, user: 'ann', ...(token !== undefined && { token }) });
    const exchanges = [
      login(0, 'a', 200),
      login(10, undefined, 503),
      at<'me'>(20, { op: 'me', status: 401, user: 'ann', token: 'a' }),
    ];
    expect(found(exchanges)).toEqual([]);
    expect(found(exchanges, { silences: [{ from: 10, to: 10 }] })).toEqual([]);
    expect(found(exchanges, { silences: [{ from: 5, to: 15 }] })).toHaveLength(1);
  });

  it('finds a page that is older than what was acknowledged before it was asked for', () => {
    const write = (instant: number, version: number, isDelivered = true) =>
      at<'write'>(instant, { op: 'write', status: 200, page: 'p', version, isDelivered });
    const read = (instant: number, version: number, isDegraded = false) =>
      at<'read'>(instant, { op: 'read', status: 200, page: 'p', version, isDegraded });
    expect(found([write(0, 1), read(10, 1), read(10, 2)])).toEqual([]);
    expect(found([write(0, 1), read(10, 0)])).toEqual(['page: p was read as version 0, after 1']);
    expect(found([write(0, 1), read(0, 0)])).toEqual([]);
    expect(found([write(0, 1, false), read(10, 0)])).toEqual([]);
    expect(found([write(0, 1), read(10, 0, true)])).toEqual([]);
    expect(found([write(0, 1), read(10, 0)], { losses: [{ from: 5, to: 6 }] })).toEqual([]);
    expect(found([write(0, 1), write(8, 2), read(10, 0)], { losses: [{ from: 5, to: 6 }] })).not.toEqual([]);
  });

  it('finds a request that took too long, or was answered as nobody expects', () => {
    const slow = { ...at<'me'>(0, { op: 'me', status: 503, user: 'ann', token: 'a' }), receivedAt: 2_001 };
    const broken = at<'me'>(0, { op: 'me', status: 500, user: 'ann', token: 'a' });
    const gone = at<'me'>(0, { op: 'me', status: 0, user: 'ann', token: 'a' });
    for (const instance of [0, 'driver'] as const) {
      expect(found([slow], { stalls: [{ instance, from: 10, to: 20 }] })).toEqual([]);
    }
    expect(found([slow], { stalls: [{ instance: 1, from: 10, to: 20 }] })).not.toEqual([]);
    const still = (how: Standstill['how'], instance = 0) => ({ standstills: [{ instance, how, from: 0, to: 5 }] });
    for (const exchange of [slow, broken, gone]) expect(found([exchange])[0]).toMatch(/^request: me/);
    expect(found([slow], still('stopped'))).toEqual([]);
    expect(found([slow], still('stopped', 1))).not.toEqual([]);
    expect(found([{ ...slow, receivedAt: 2_006 }], still('stopped'))).not.toEqual([]);
    expect(found([gone], still('killed'))).toEqual([]);
    expect(found([gone], still('killed', 1))).not.toEqual([]);
    for (const exchange of [broken, gone]) expect(found([exchange], still('stopped'))).not.toEqual([]);
    expect(found([broken], still('killed'))).not.toEqual([]);
  });

  it('excuses a load that has failed by another process only where one stood still shortly before', () => {
    const read = at<'read'>(5_000, { op: 'read', status: 500, page: 'p' });
    const failed = { ...read, code: 'ERR_TURNPIKE_LOAD_TIMEOUT' };
    const still = (from: number) => ({ standstills: [{ instance: 1, how: 'stopped' as const, from, to: from + 100 }] });
    expect(found([failed], still(4_000))).toEqual([]);
    expect(found([failed], still(1_000))).not.toEqual([]);
    expect(found([read], still(4_000))).not.toEqual([]);
  });
});
