import { createHash, randomUUID } from 'node:crypto';
import { settableClockLine, SHIPPED_CLOCK_LINE } from './clock.gen.ts';

/** What is asked of the client: any ioredis client is one. */
interface ScriptingClient {
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** The time as scripts see it, in ms since 1970 with decimals down to the microsecond. */
export interface SettableClock<Client> {
  /** `redis` itself, but that EVAL and EVALSHA, by `eval`, `evalsha`, `call` or `callBuffer`, run scripts under this clock. */
  readonly client: Client;
  now(): number;
  /** Backwards too. */
  set(epochMs: number): Promise<void>;
  advance(ms: number): Promise<void>;
}

const CLOCK_TTL_MS = 3_600_000;

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

/**
 * A script that does not ask for the time stays as it is.
 *
 * @throws Error when it asks in another way than every shipped script does, or more than once
 */
function withSettableClock(lua: string, clockKey: string): string {
  if (!lua.includes("'TIME'")) return lua;
  const [before, after, ...more] = lua.split(SHIPPED_CLOCK_LINE);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`settableClock: this script does not hold the line \`${SHIPPED_CLOCK_LINE}\` once:\n${lua}`);
  }
  return before + settableClockLine(clockKey) + after;
}

/**
 * A clock for scripts that stands still until it is set, starting at the server's time in whole ms. It is a hash on that
 * server, so every client of the same clock sees the same time; key expiry goes on by the server's own clock. It is there
 * for an hour. Single servers only, since the hash is in one slot; pipelines, `multi` and `duplicate` are not covered.
 */
export async function settableClock<Client extends ScriptingClient>(redis: Client): Promise<SettableClock<Client>> {
  const clockKey = `turnpike-test-clock:${randomUUID()}`;
  const swappedShaOf = new Map<string, string>();
  let nowUs = 0;

  async function setUs(us: number): Promise<void> {
    const [seconds, microseconds] = [Math.floor(us / 1e6), us % 1e6];
    // By a script, which ioredis puts no keyPrefix into, as it puts none into the line that reads the clock.
    const write = `redis.call('HSET', '${clockKey}', 's', ARGV[1], 'us', ARGV[2])
      redis.call('PEXPIRE', '${clockKey}', ARGV[3])`;
    await redis.call('EVAL', write, '0', String(seconds), String(microseconds), String(CLOCK_TTL_MS));
    nowUs = us;
  }

  async function run(command: string, script: string, send: (script: string) => Promise<unknown>): Promise<unknown> {
    if (command === 'eval') {
      const swapped = withSettableClock(script, clockKey);
      const reply = await send(swapped);
      swappedShaOf.set(sha1(script), sha1(swapped));
      return reply;
    }
    const swappedSha = swappedShaOf.get(script);
    if (swappedSha === undefined) throw new Error('NOSCRIPT No matching script under this clock. Send its text.');
    return send(swappedSha);
  }

  const client = new Proxy(redis, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
      const [, command] = /^(eval|evalsha)(?:Buffer)?$/.exec(String(property)) ?? [];
      if (command !== undefined) {
        return (script: string, ...rest: unknown[]) => run(command, script, (swapped) => method(swapped, ...rest));
      }
      if (property !== 'call' && property !== 'callBuffer') return method;
      return (name: string, ...args: [string, ...unknown[]]) => {
        if (!/^eval(sha)?$/i.test(name)) return method(name, ...args);
        const [script, ...rest] = args;
        return run(name.toLowerCase(), script, (swapped) => method(name, swapped, ...rest));
      };
    },
  });

  const [seconds, microseconds] = (await redis.call('TIME')) as [string, string];
  await setUs(Number(seconds) * 1e6 + Math.floor(Number(microseconds) / 1e3) * 1e3);
  return {
    client,
    now: () => nowUs / 1e3,
    set: (epochMs) => setUs(Math.round(epochMs * 1e3)),
    advance: (ms) => setUs(nowUs + Math.round(ms * 1e3)),
  };
}
