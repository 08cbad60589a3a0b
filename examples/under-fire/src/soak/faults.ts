import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, FaultKind } from './schedule.ts';
import type { Slot, World } from './world.ts';

/** How one kind of fault begins; what it resolves to ends it. */
type Inject = (world: World, fault: Fault) => Promise<() => void | Promise<void>>;

/** A clock that is wrong by half an hour at most, in ms. */
const MOST_SKEW_MS = 1_800_000;

/** A network that takes 400 ms at most. */
export const MOST_DELAY_MS = 400;

const MOST_REPLIES = 10;

/** How much of its memory a full server has to do without, in bytes. */
const SQUEEZED = 300_000;

const slotsOf = ({ slots }: World, { slot }: Fault): readonly Slot[] =>
  slot === undefined ? slots : slots.slice(slot, slot + 1);

const network =
  (begin: (slot: Slot, fault: Fault) => void): Inject =>
  async (world, fault) => {
    const harmed = slotsOf(world, fault);
    for (const slot of harmed) begin(slot, fault);
    return () => harmed.forEach(({ proxy }) => proxy.pass());
  };

const INJECTIONS: Readonly<Record<FaultKind, Inject>> = {
  'redis pause': async ({ server, silences }) => {
    server.pause();
    // The signal may take a moment.
    const from = performance.now() + 10;
    return () => {
      silences.push({ from, to: performance.now() });
      server.resume();
    };
  },
  'redis kill': async ({ server }) => {
    await server.kill();
    return () => server.restart();
  },
  'redis script flush': async ({ clients }) => {
    await clients.client().script('FLUSH');
    return () => undefined;
  },
  'redis maxmemory': fill,
  'network refuse': network(({ proxy }) => proxy.refuse()),
  'network blackhole': network(({ proxy }) => proxy.blackhole()),
  'network delay': network(({ proxy }, { degree }) => proxy.delay(degree * MOST_DELAY_MS)),
  'network slow replies': network(({ proxy }, { degree }) => proxy.delay({ reply: degree * MOST_DELAY_MS })),
  'network cut': network(({ proxy }) => proxy.cut()),
  'network drop replies': async (world, fault) => {
    const drops = slotsOf(world, fault).flatMap(({ proxy }) =>
      Array.from({ length: Math.ceil(fault.degree * MOST_REPLIES) }, () => proxy.dropNextReply()),
    );
    return async () => void (await Promise.all(drops));
  },
  'process SIGKILL': async (world, fault) => {
    const [slot] = slotsOf(world, fault);
    await slot?.kill();
    return () => slot?.start();
  },
  'process SIGSTOP': async (world, fault) => {
    const [slot] = slotsOf(world, fault);
    slot?.pause();
    return () => slot?.resume();
  },
  'process clock skew': async (world, fault) => {
    const [slot] = slotsOf(world, fault);
    slot?.skew((2 * fault.degree - 1) * MOST_SKEW_MS);
    // It stays wrong, until it is set right by another.
    return () => undefined;
  },
};

/** Less memory than there is in use: whatever the policy may evict is evicted, or writes are refused. */
async function fill({ clients, evictions }: World, { policy = 'noeviction' }: Fault): Promise<() => Promise<void>> {
  const redis = clients.client();
  const numberIn = async (section: string, field: string): Promise<number> =>
    Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await redis.info(section))?.[1]);
  const evictedBefore = await numberIn('stats', 'evicted_keys');
  const from = performance.now();
  await redis.config(
    'SET',
    'maxmemory-policy',
    policy,
    'maxmemory',
    (await numberIn('memory', 'used_memory')) - SQUEEZED,
  );
  return async () => {
    await redis.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
    if ((await numberIn('stats', 'evicted_keys')) > evictedBefore) evictions.push({ from, to: performance.now() });
    redis.disconnect();
  };
}

/** Does it, and resolves when it is over. */
export async function inject(world: World, fault: Fault): Promise<void> {
  await sleep(fault.atMs);
  const end = await INJECTIONS[fault.kind](world, fault);
  await sleep(fault.forMs);
  await end();
}
