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

/**
 * Runs a script by its text when the connection is not `known` to have it, which spares a fresh connection the NOSCRIPT
 * round trip, and by its hash from then on. A server that forgot it (SCRIPT FLUSH, a restart) is sent the text again.
 */
export async function runScript(
  client: RedisClient,
  known: Set<string>,
  { lua, sha, buffers }: Sendable,
  { keys, argv }: ScriptCall,
): Promise<unknown> {
  const send = (command: 'evalsha' | 'eval', script: string): Promise<unknown> =>
    buffers
      ? bufferFormsOf(client)[`${command}Buffer`](script, keys.length, ...keys, ...argv)
      : client[command](script, keys.length, ...keys, ...argv);
  if (known.has(sha)) {
    try {
      return await send('evalsha', sha);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    }
  }
  const reply = await send('eval', lua);
  known.add(sha);
  return reply;
}
