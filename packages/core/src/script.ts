import { createHash } from 'node:crypto';
import { type RedisArgument, type RedisClient, bufferFormsOf } from './redis-client.ts';

/** How a script is called: KEYS, then ARGV without the `notAfterUs` that the store puts first when the script grants. */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly argv: readonly RedisArgument[];
}

/** What `defineScript` takes. */
export interface ScriptDefinition<Args, Reply> {
  lua: string;
  encode: (args: Args) => ScriptCall;
  decode: (reply: unknown) => Reply;
  /**
   * True for a script that gives something (a charge, a claim, a lease): it takes `notAfterUs` as ARGV[1] and answers
   * `{'late', now}` without effect when the server's time has passed it. A command that timed out still runs later.
   *
   * @default false
   */
  grants?: boolean;
  /**
   * Replies as Buffers instead of strings.
   *
   * @default false
   */
  buffers?: boolean;
}

/** One atomic operation: its Lua, how its arguments are laid out, and what its reply means. */
export interface Script<Args, Reply> extends Readonly<Required<ScriptDefinition<Args, Reply>>> {
  readonly sha: string;
}

export function defineScript<Args, Reply>(definition: ScriptDefinition<Args, Reply>): Script<Args, Reply> {
  const sha = createHash('sha1').update(definition.lua).digest('hex');
  return { grants: false, buffers: false, ...definition, sha };
}

/** Whatever a script's arguments and reply are: the part that is sent. */
export type Sendable = Pick<Script<never, unknown>, 'lua' | 'sha' | 'buffers'>;

/** Sends a script by its hash, or by its text. */
export function sendScript(
  client: RedisClient,
  { lua, sha, buffers }: Sendable,
  by: 'evalsha' | 'eval',
  { keys, argv }: ScriptCall,
): Promise<unknown> {
  const script = by === 'eval' ? lua : sha;
  return buffers
    ? bufferFormsOf(client)[`${by}Buffer`](script, keys.length, ...keys, ...argv)
    : client[by](script, keys.length, ...keys, ...argv);
}
