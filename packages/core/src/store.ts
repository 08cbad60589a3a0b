import { StoreError } from './errors.ts';
import { clockLua } from './lua.gen.ts';
import { type RedisClient, connectionOf, isCluster } from './redis-client.ts';
import { type Script, type ScriptCall, type Sendable, defineScript, runScript } from './script.ts';
import { type ServerClock, createServerClock } from './server-clock.ts';
import { type Silence, createSilence } from './silence.ts';

/** A silent connection is asked at most this often whether it is back. */
const PROBE_PAUSE_MS = 500;

/** A grant that comes back `late` inside its deadline is asked again with the clock just learned, this often at most. */
const LATE_RETRIES = 2;

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
}

/** What is known of one connection. A Cluster has one for each master: one that hangs must not shut out the others. */
interface Lane {
  readonly silence: Silence;
  readonly clock: ServerClock;
  readonly knownScripts: Set<string>;
  probedAt: number;
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
      lane = { silence: createSilence(), clock: createServerClock(), knownScripts: new Set(), probedAt: -Infinity };
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

  /** Sends one script, and keeps the lane's books on it. */
  const send = async (lane: Lane, script: Sendable, call: ScriptCall): Promise<unknown> => {
    const sent = lane.silence.sent(performance.now());
    try {
      const reply = await runScript(client, lane.knownScripts, script, call);
      lane.silence.heard(sent);
      return reply;
    } catch (error) {
      if (errorReply(error) === undefined) lane.silence.lost(sent, performance.now());
      else lane.silence.heard(sent);
      throw storeError(error);
    }
  };

  /** Asks the time in nobody's name: ends a silence that is over, and renews what is known of the server's clock. */
  const probe = (lane: Lane, route?: string): void => {
    const now = performance.now();
    if (now - lane.probedAt < PROBE_PAUSE_MS) return;
    lane.probedAt = now;
    send(lane, clock, clock.encode(route)).then(
      (reply) => lane.clock.learn(clock.decode(reply), performance.now()),
      () => undefined,
    );
  };

  /** Sends a grant with the last instant at which it may still take effect. */
  const grant = async (lane: Lane, script: Sendable, { keys, argv }: ScriptCall, giveUpAt: number): Promise<unknown> => {
    for (let retries = 0; ; retries += 1) {
      const notAfterUs = lane.clock.microsecondsAt(giveUpAt);
      // oxlint-disable-next-line no-await-in-loop -- each try needs the clock that the last one brought
      const reply = await send(lane, script, { keys, argv: [notAfterUs, ...argv] });
      if (!isLate(reply)) return reply;
      const now = performance.now();
      lane.clock.learn(reply[1], now);
      if (retries === LATE_RETRIES || now >= giveUpAt) {
        throw new StoreError('ERR_TURNPIKE_STORE_TIMEOUT', 'Redis got to it after its deadline, and did nothing');
      }
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

  return {
    async call(script, args, { deadlineMs, onAbandoned }) {
      const startedAt = performance.now();
      const giveUpAt = startedAt + deadlineMs;
      const request = script.encode(args);
      const route = request.keys[0] ?? '';
      const lane = laneOf(route);
      /** What there is to wait: silence counts from the oldest unanswered command of the connection, not from this one. */
      const left = (now: number): number => Math.min(giveUpAt - now, deadlineMs - lane.silence.ms(now));

      if (!isReachable()) {
        throw new StoreError('ERR_TURNPIKE_STORE_UNREACHABLE', `The Redis client is not connected (${client.status})`);
      }
      if (left(startedAt) <= 0) {
        await socketsRead();
        if (left(performance.now()) <= 0) {
          probe(lane, route);
          throw silent(deadlineMs);
        }
      }
      if (lane.clock.isDue(startedAt)) probe(lane, route);

      return new Promise((resolve, reject) => {
        let isOver = false;
        const giveUp = async (): Promise<void> => {
          await socketsRead();
          if (isOver) return;
          const wait = left(performance.now());
          if (wait > 0) {
            timer = setTimeout(giveUp, wait);
            return;
          }
          isOver = true;
          reject(silent(deadlineMs));
        };
        let timer = setTimeout(giveUp, left(performance.now()));
        const answered = script.grants ? grant(lane, script, request, giveUpAt) : send(lane, script, request);
        answered
          .then((reply) => {
            const decoded = script.decode(reply);
            if (isOver) onAbandoned?.(decoded);
            else resolve(decoded);
          })
          .catch(reject)
          .finally(() => {
            isOver = true;
            clearTimeout(timer);
          });
      });
    },
  };
}

const clock = defineScript({
  lua: clockLua,
  encode: (route: string | undefined) => ({ keys: route === undefined ? [] : [route], argv: [] }),
  decode: (reply) => (reply as [tag: 'clock', nowUs: number])[1],
});

const isLate = (reply: unknown): reply is [tag: 'late', nowUs: number] =>
  Array.isArray(reply) && String(reply[0]) === 'late';

/** Lets the event loop read its sockets: after a stall, timers fire before replies that have long arrived are seen. */
const socketsRead = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });

const silent = (deadlineMs: number): StoreError =>
  new StoreError('ERR_TURNPIKE_STORE_TIMEOUT', `Redis gave no answer within ${deadlineMs} ms`);

/** A reply of the server's, as opposed to a failure of the connection: `LOADING …`, `READONLY …`, `ERR …`. */
const ERROR_REPLY = /^([A-Z]{3,}) /;

/** Error replies that no waiting mends: somebody has to change the set-up. */
const CONFIGURATION = ['CROSSSLOT', 'NOPERM', 'WRONGTYPE', 'NOAUTH', 'WRONGPASS'];

const errorReply = (error: unknown): string | undefined =>
  error instanceof Error ? ERROR_REPLY.exec(error.message)?.[1] : undefined;

function storeError(cause: unknown): StoreError {
  const reply = errorReply(cause);
  const said = cause instanceof Error ? cause.message : String(cause);
  if (reply === undefined) return new StoreError('ERR_TURNPIKE_STORE_UNREACHABLE', `Redis: ${said}`, { cause });
  const code = CONFIGURATION.includes(reply) ? 'ERR_TURNPIKE_STORE_CONFIGURATION' : 'ERR_TURNPIKE_STORE_REPLY';
  return new StoreError(code, `Redis replied: ${said}`, { cause });
}
