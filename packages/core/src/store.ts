import { Caller, type Waiting, silent, socketsRead } from './caller.ts';
import { StoreError } from './errors.ts';
import { clockLua } from './lua.gen.ts';
import { type RedisClient, commandTimeoutOf, connectionOf, isCluster, socketOf } from './redis-client.ts';
import { type Script, type ScriptCall, type Sendable, defineScript, sendScript } from './script.ts';
import { type ServerClock, createServerClock } from './server-clock.ts';
import { type Silence, createSilence } from './silence.ts';
import { errorReply, storeError } from './store-error.ts';
import { atTurnEnd } from './turn.ts';

/** A silent connection is asked at most this often whether it is back. */
const PROBE_PAUSE_MS = 500;

/** A grant that comes back `late` inside its deadline is asked again with the clock just learned, this often at most. */
const LATE_RETRIES = 2;

/** Where turns of the event loop are busy for longer, what they hold up is dearer than a write: then each command has its own. */
const LONGEST_HOLD_MS = 10;

/** How much of a long turn is remembered with each shorter one. */
const MEMORY = 7 / 8;

/** How far two timers of one length may fire apart. */
const TIMER_MS = 5;

/** How a call is bounded. */
export interface CallOptions<Reply> {
  /** For the whole operation, in ms. After it the call rejects, whatever the client is doing. */
  deadlineMs: number;
  /** A reply that came after the call was given up: the place to give a grant back. Must not throw. */
  onAbandoned?: (reply: Reply) => void;
}

/** Redis behind its guard: every call ends within its deadline, and a Redis that is silent costs its deadline once. */
export interface Store {
  /**
   * Runs `script`. Rejects with a `StoreError`: after `deadlineMs` at the latest; at once while the client is
   * reconnecting, or while the connection has already been silent for `deadlineMs`; at once with Redis's own error reply.
   * A script that `grants` has no effect after this has rejected for time, even when Redis gets to it later.
   */
  call<Args, Reply>(script: Script<Args, Reply>, args: Args, options: CallOptions<Reply>): Promise<Reply>;
  /**
   * Reads the strings behind `keys` (null where there is none) under the same guard: in one MGET, of a Cluster in a GET
   * for each key, in parallel. Each rejects alone: what one master does not answer the others do.
   */
  read(keys: readonly string[], options: Pick<CallOptions<never>, 'deadlineMs'>): readonly Promise<Reading>[];
}

/** What was read of one key, and when by the clock of the server that holds it. */
export interface Reading {
  readonly value: Buffer | null;
  /** µs since 1970: never later than that server's time, and some ms earlier at most. */
  readonly nowUs: number;
}

/** What is known of one connection. A Cluster has one for each master: one that hangs must not shut out the others. */
interface Lane {
  readonly silence: Silence;
  readonly clock: ServerClock;
  readonly knownScripts: Set<string>;
  probedAt: number;
  /** Whether the end of this turn of the event loop is awaited. */
  isTurning: boolean;
  /** For how long a turn holds up a command, lately. */
  holdMs: number;
}

const stores = new WeakMap<RedisClient, Store>();

/** The one store of a client: whoever shares the client shares what is known of its silence. */
export function storeOf(client: RedisClient): Store {
  let store = stores.get(client);
  if (store === undefined) stores.set(client, (store = createStore(client)));
  return store;
}

function createStore(client: RedisClient): Store {
  const lanes = new Map<string, Lane>();
  let wasReady = false;

  const laneOf = (key: string): Lane => {
    const connection = connectionOf(client, key);
    let lane = lanes.get(connection);
    if (lane === undefined) {
      lane = {
        silence: createSilence(),
        clock: createServerClock(),
        knownScripts: new Set(),
        probedAt: -Infinity,
        isTurning: false,
        holdMs: 0,
      };
      lanes.set(connection, lane);
    }
    return lane;
  };

  /** Whether a command would go out. The first connection is waited for; a lost one would only feed the offline queue. */
  const isReachable = (): boolean => {
    switch (client.status) {
      case 'connecting':
      case 'connect':
        return !wasReady;
      case 'reconnecting':
      case 'close':
      case 'disconnecting':
      case 'end':
        return false;
      default:
        return true;
    }
  };

  /**
   * The first command of a turn of the event loop leaves at once, and what the turn sends after it at its end, in one write: to
   * write is half of what a command costs here, and Redis answers together what comes together. (node-redis does so by itself,
   * ioredis with `enableAutoPipelining`.) A stall before the end is no silence.
   */
  const awaitTurn = (lane: Lane): void => {
    if (lane.isTurning) return;
    lane.isTurning = true;
    const since = performance.now();
    const socket = lane.holdMs > LONGEST_HOLD_MS ? undefined : socketOf(client);
    socket?.cork();
    atTurnEnd(() => {
      const now = performance.now();
      lane.isTurning = false;
      lane.holdMs = Math.max(now - since, MEMORY * lane.holdMs);
      socket?.uncork();
      lane.silence.written(now);
    });
  };

  /**
   * Keeps the lane's books on one command, which `send` sends. Where the server has forgotten its script (SCRIPT FLUSH, a
   * restart), `otherwise` is asked.
   */
  const booked = <T>(
    lane: Lane,
    send: () => Promise<T>,
    caller: Waiting | undefined,
    otherwise?: () => Promise<T>,
  ): Promise<T> => {
    const sent = lane.silence.sent(performance.now());
    if (caller !== undefined) caller.sent = sent;
    const reply = promised(send);
    awaitTurn(lane);
    return reply.then(
      (reply) => {
        lane.silence.heard(sent, performance.now());
        return reply;
      },
      (error: unknown) => {
        const reply = errorReply(error);
        lane.silence[reply === undefined ? 'lost' : 'heard'](sent, performance.now());
        if (otherwise !== undefined && reply?.startsWith('NOSCRIPT')) return otherwise();
        throw storeError(error);
      },
    );
  };

  /**
   * Runs a script by its text on a connection that is not known to have it, which spares a fresh one the NOSCRIPT round trip,
   * and by its hash from then on.
   */
  const run = (lane: Lane, script: Sendable, call: ScriptCall, caller?: Waiting): Promise<unknown> => {
    const byText = async (): Promise<unknown> => {
      const reply = await booked(lane, () => sendScript(client, script, 'eval', call), caller);
      lane.knownScripts.add(script.sha);
      return reply;
    };
    if (!lane.knownScripts.has(script.sha)) return byText();
    return booked(lane, () => sendScript(client, script, 'evalsha', call), caller, byText);
  };

  const askTime = async (lane: Lane, route?: string): Promise<void> => {
    const askedAt = performance.now();
    const reply = await run(lane, clock, clock.encode(route));
    lane.clock.learn(clock.decode(reply), performance.now(), askedAt);
  };

  /** Asks the time in nobody's name: ends a silence that is over, and renews what is known of the server's clock. */
  const probe = (lane: Lane, route?: string): void => {
    const now = performance.now();
    if (now - lane.probedAt < PROBE_PAUSE_MS) return;
    lane.probedAt = now;
    askTime(lane, route).catch(() => undefined);
  };

  /** Asks once: for a grant with the last instant at which it may still take effect, when its caller gives up. */
  const ask = (
    lane: Lane,
    script: Script<never, unknown>,
    { keys, argv }: ScriptCall,
    caller: Waiting,
  ): Promise<unknown> => {
    const inTime = script.grants ? [lane.clock.microsecondsAt(caller.givesUpAt), ...argv] : argv;
    return run(lane, script, { keys, argv: inTime }, caller);
  };

  /** Asks a grant again that came back `late`: the server's clock was not known, or has jumped. */
  const askAgain = async (
    lane: Lane,
    script: Script<never, unknown>,
    request: ScriptCall,
    caller: Waiting,
    lateReply: LateReply,
    retries = 0,
  ): Promise<unknown> => {
    const now = performance.now();
    lane.clock.learn(Number(lateReply[1]), now);
    if (retries === LATE_RETRIES || caller.isGone || now >= caller.givesUpAt) {
      throw new StoreError('ERR_TURNPIKE_STORE_TIMEOUT', 'Redis got to it after its deadline, and did nothing');
    }
    const reply = await ask(lane, script, request, caller);
    return isLate(reply) ? askAgain(lane, script, request, caller, reply, retries + 1) : reply;
  };

  /** Runs a script for a caller. The caller is told here, not by a promise: each costs a turn and garbage for every call. */
  const carryOut = async <Reply>(
    lane: Lane,
    script: Script<never, Reply>,
    request: ScriptCall,
    caller: Caller<Reply>,
  ): Promise<void> => {
    try {
      const reply = await ask(lane, script, request, caller);
      const isOver = !script.grants || !isLate(reply);
      caller.arrive(script.decode(isOver ? reply : await askAgain(lane, script, request, caller, reply)));
    } catch (error) {
      caller.fail(error);
    }
  };

  const renew = (): void => {
    wasReady = true;
    for (const lane of lanes.values()) {
      // Another server may stand behind the new connection: with another clock, and without our scripts.
      lane.silence.renew();
      lane.clock.forget();
      lane.knownScripts.clear();
      lane.probedAt = -Infinity;
    }
    // Of a Cluster nothing is known yet of who holds what: its lanes learn as they are used.
    if (!isCluster(client)) probe(laneOf(''));
  };
  client.on('ready', renew);
  if (client.status === 'ready') renew();

  /** The guard: what `work` tells its caller, or a `StoreError` when the deadline has passed. */
  const guarded = <Reply>(
    route: string,
    { deadlineMs: givenMs, onAbandoned }: CallOptions<Reply>,
    work: (lane: Lane, caller: Caller<Reply>) => void,
  ): Promise<Reply> => {
    // Before a client gives up by itself: what it then reports is no reply, and says nothing of the effect.
    const deadlineMs = Math.min(givenMs, Math.max(commandTimeoutOf(client) - TIMER_MS, 1));
    const lane = laneOf(route);
    if (!isReachable()) {
      const reason = `The Redis client is not connected (${client.status})`;
      return Promise.reject(new StoreError('ERR_TURNPIKE_STORE_UNREACHABLE', reason));
    }
    const startedAt = performance.now();

    const begin = (): Promise<Reply> => {
      if (lane.clock.isDue(startedAt)) probe(lane, route);
      // Fixed from here on, whatever the connection does: no grant may take effect once its caller has gone.
      const givesUpAt = startedAt + deadlineMs - lane.silence.excessMs(startedAt);
      const caller = new Caller<Reply>(performance.now(), { givesUpAt, deadlineMs, onAbandoned });
      work(lane, caller);
      return caller.answer;
    };

    const silenceIsOver = async (): Promise<Reply> => {
      await socketsRead();
      if (lane.silence.ms(performance.now()) < deadlineMs) return begin();
      probe(lane, route);
      throw silent(deadlineMs);
    };

    return lane.silence.ms(startedAt) < deadlineMs ? begin() : silenceIsOver();
  };

  const within = <Reply>(
    route: string,
    options: CallOptions<Reply>,
    answer: (lane: Lane, caller: Waiting) => Promise<Reply>,
  ): Promise<Reply> =>
    guarded<Reply>(route, options, (lane, caller) => {
      answer(lane, caller).then(
        (reply) => caller.arrive(reply),
        (error: unknown) => caller.fail(error),
      );
    });

  const readTogether = (keys: readonly string[], { deadlineMs }: Pick<CallOptions<never>, 'deadlineMs'>) =>
    within<Reading[]>(keys[0] ?? '', { deadlineMs }, (lane, caller) => {
      const dated = (values: (Buffer | null)[]): Reading[] => {
        const nowUs = lane.clock.microsecondsAt(performance.now());
        return values.map((value) => ({ value, nowUs }));
      };
      const sent = booked(lane, () => client.mgetBuffer(...keys), caller);
      if (lane.clock.isKnown()) return sent.then(dated);
      return Promise.all([sent, askTime(lane, keys[0])]).then(([values]) => dated(values));
    });

  return {
    call(script, args, options) {
      const request = script.encode(args);
      return guarded(request.keys[0] ?? '', options, (lane, caller) => void carryOut(lane, script, request, caller));
    },
    read(keys, options) {
      if (keys.length === 0) return [];
      if (isCluster(client))
        return keys.map((key) => readTogether([key], options).then(([reading]) => reading as Reading));
      const all = readTogether(keys, options);
      return keys.map((_, n) => all.then((readings) => readings[n] as Reading));
    },
  };
}

const clock = defineScript({
  lua: clockLua,
  encode: (route: string | undefined) => ({ keys: route === undefined ? [] : [route], argv: [] }),
  decode: (reply) => Number((reply as [tag: 'clock', nowUs: number | string])[1]),
});

type LateReply = [tag: 'late', nowUs: number | string];

const isLate = (reply: unknown): reply is LateReply => Array.isArray(reply) && String(reply[0]) === 'late';

/** A client that throws is one that rejects. */
function promised<T>(send: () => Promise<T>): Promise<T> {
  try {
    return send();
  } catch (error) {
    return Promise.reject(error);
  }
}
