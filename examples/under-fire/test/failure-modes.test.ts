import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { type Answer, FAULTS, type Opened, PACKAGES, type Package, opened, wordsOf } from './failure-modes.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/failure-modes.md'), 'utf8');

/** What the page says of one fault and one package. */
interface Row {
  readonly fault: string;
  readonly packageName: string;
  readonly sees: string;
  readonly kept: string;
}

/** A cell that is left empty says what the one above it says. */
function rowsOf(text: string): Row[] {
  let last = '';
  return [...text.matchAll(/^\| (.*?) ?\| (.+?) \| (.+?) \| (.+?) \|$/gm)]
    .slice(1)
    .map(([, fault, packageName, sees, kept]) => {
      last = fault === '' ? last : fault!;
      return { fault: last, packageName: packageName!, sees: sees!, kept: kept! };
    });
}

/** What was told before anything happened: the number of an order, and of the rendering that is kept. */
interface Known {
  readonly order: unknown;
  readonly rendering: unknown;
}

/** More is taken of the limit before than after. */
const TAKEN = 20;

/** Has every package know something, in Redis. */
async function used({ limit, session, order, page: ask }: Opened): Promise<Known> {
  const enough = async () => {
    const { json } = await limit();
    expect(json['degraded'] === false && Number(json['used']) >= TAKEN).toBe(true);
  };
  await eventually(enough, { everyMs: 1 });
  const told = async (asking: () => Promise<Answer>, words: string): Promise<Answer> =>
    eventually(async () => {
      const answer = await asking();
      expect(wordsOf(answer)).toBe(words);
      return answer;
    });
  await told(session, '`200`');
  const placed = await told(() => order('before'), '`201` `replayed`');
  const hit = await told(ask, '`200` `hit`');
  return { order: placed.json['order'], rendering: hit.json['rendering'] };
}

/** Whether each package still knows it. */
const kept = async ({ limit, session, order, page: ask }: Opened, known: Known): Promise<Record<Package, boolean>> => {
  const { json } = await limit();
  return {
    'rate-limit': json['degraded'] === false && Number(json['used']) > TAKEN,
    'single-session': (await session()).status === 200,
    idempotency: (await order('before')).json['order'] === known.order,
    'cache-aside': (await ask()).json['rendering'] === known.rendering,
  };
};

/** How one package has answered, and what else came of it. */
interface Seen {
  readonly words: string;
  readonly answer: Answer;
  /** A reply was lost on the way. */
  readonly isResent: boolean;
  /** The order had been placed before. */
  readonly isOfOld: boolean;
  /** How many handlers of orders have run. */
  readonly ran: number;
  readonly known: Known;
  /** What else was asked meanwhile: a login, a page that is not cached. */
  readonly other: Answer | undefined;
}

/** What the page may say of a package, and when that is so: its cell says all of these that are, and no other. */
const PHRASES: Readonly<Record<Package, Readonly<Record<string, (seen: Seen) => boolean>>>> = {
  'rate-limit': {
    'counts by itself': ({ answer }) => answer.json['degraded'] === true,
    'begins anew': ({ answer: { json } }) => json['degraded'] === false && json['used'] === 1,
    'charged once': ({ words, isResent }) => isResent && words === '`200`',
  },
  'single-session': {
    'with Retry-After': ({ answer }) => answer.headers.has('retry-after'),
    'signs in again': ({ answer, other }) => answer.status === 401 && other?.status === 200,
    logins: ({ other }) => other?.status === 503,
    'asked again': ({ words, isResent }) => isResent && words === '`200`',
  },
  idempotency: {
    'with Retry-After': ({ answer }) => answer.headers.has('retry-after'),
    'nothing has run': ({ answer, ran }) => answer.status === 503 && ran === 0,
    'a retry runs again': ({ isOfOld, ran }) => isOfOld && ran === 1,
    'finds itself': ({ words, ran, isResent }) => isResent && words === '`201`' && ran === 1,
  },
  'cache-aside': {
    loaded: ({ answer, other, known }) =>
      [answer, other].some((one) => one?.status === 200 && one.json['rendering'] !== known.rendering),
    'asked again': ({ words, isResent }) => isResent && words === '`200` `hit`',
  },
};

let asked = 0;

/** Asks by one package while that happens. */
async function see(opening: Opened, fault: string, packageName: Package, known: Known): Promise<Seen> {
  const { begin, end, isOfOld = false } = FAULTS[fault]!;
  const [orders, lost] = [opening.orders(), opening.place.lost];
  if (end === undefined) await begin(opening.place, packageName);
  const key = isOfOld ? 'before' : `meanwhile-${(asked += 1)}`;
  const answer = await {
    'rate-limit': opening.limit,
    'single-session': opening.session,
    idempotency: () => opening.order(key),
    'cache-aside': opening.page,
  }[packageName]();
  const isResent = opening.place.lost > lost;
  const other =
    packageName === 'single-session'
      ? await opening.login()
      : packageName === 'cache-aside' && end !== undefined
        ? await opening.page(`?${key}`)
        : undefined;
  return { words: wordsOf(answer), answer, isResent, isOfOld, ran: opening.orders() - orders, known, other };
}

/** The cells of what was seen: its words, and those phrases that are true of it. */
const toldBy = (seen: Seen, packageName: Package) => ({
  words: seen.words,
  phrases: Object.entries(PHRASES[packageName]).flatMap(([phrase, isTrue]) => (isTrue(seen) ? [phrase] : [])),
});

const saidIn = ({ sees, packageName }: Row) => ({
  words: /^`[^`]+`(?: `[^`]+`)*/.exec(sees)?.[0],
  phrases: Object.keys(PHRASES[packageName as Package]).filter((phrase) => sees.includes(phrase)),
});

describe('docs/failure-modes.md', () => {
  const rows = rowsOf(page);

  it('says of every fault what comes of it in every package', () => {
    const faults = [...new Set(rows.map(({ fault }) => fault))];
    expect(faults.length).toBeGreaterThan(12);
    for (const fault of faults) {
      const told = rows.filter((row) => row.fault === fault).map(({ packageName }) => packageName);
      expect([fault, told]).toEqual([fault, told[0] === 'all' ? ['all'] : [...PACKAGES]]);
    }
    const withStatus = rows.filter(({ sees }) => sees.startsWith('`')).map(({ fault }) => fault);
    expect([...new Set(withStatus)].toSorted()).toEqual(Object.keys(FAULTS).toSorted());
  });

  it.concurrent.for(Object.entries(FAULTS))(
    'is right about what is seen and kept: %s',
    async ([fault, { begin, end }], { expect, onTestFinished }) => {
      const opening = await opened(onTestFinished);
      const known = await used(opening);
      if (end !== undefined) await begin(opening.place, 'rate-limit');
      for (const row of rows.filter((one) => one.fault === fault)) {
        const packageName = row.packageName as Package;
        // Again where a deadline was over: what is shown is not who else uses this machine.
        await eventually(
          async () =>
            expect([packageName, toldBy(await see(opening, fault, packageName, known), packageName)]).toEqual([
              packageName,
              saidIn(row),
            ]),
          { withinMs: 5_000 },
        );
      }
      if (end !== undefined) {
        const { queued } = (await opening.invalidate()).json;
        const cell = rows.find((one) => one.fault === fault && one.packageName === 'cache-aside')?.sees;
        expect(cell?.includes('Invalidations wait')).toBe(queued === 1);
        await end(opening.place);
      }
      const isKept = Object.fromEntries(
        rows.filter((one) => one.fault === fault).map((row) => [row.packageName, row.kept.startsWith('all')]),
      );
      await eventually(async () => expect(await kept(opening, known)).toEqual(isKept), { withinMs: 5_000 });
    },
  );
});
