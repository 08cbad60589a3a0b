import { StoreError } from './errors.ts';

/** A reply of the server's, as opposed to a failure of the connection: `LOADING …`, `READONLY …`, `ERR …`. */
const ERROR_REPLY = /^([A-Z]{3,}) /;

/**
 * Error replies that no waiting mends: somebody has to change the set-up. An error of the script itself is one, too: its
 * key holds what another program put there, or its user may not run a command in it.
 */
const CONFIGURATION =
  /^(CROSSSLOT|NOPERM|WRONGTYPE|NOAUTH|WRONGPASS|ERR ACL failure|ERR unknown command|ERR .*@?user_script)/;

/** What the server says went wrong, where it is the server who says it. */
export const errorReply = (error: unknown): string | undefined =>
  error instanceof Error && ERROR_REPLY.test(error.message) ? error.message : undefined;

/** ioredis hangs on an error the command that failed, with its arguments: whoever logs it would log keys, and whole answers. */
const withoutCommand = (error: unknown): unknown =>
  error instanceof Error && 'command' in error
    ? Object.assign(new Error(error.message), { name: error.name, stack: error.stack })
    : error;

export function storeError(thrown: unknown): StoreError {
  const cause = withoutCommand(thrown);
  const reply = errorReply(cause);
  if (reply === undefined) {
    const said = cause instanceof Error ? cause.message : String(cause);
    return new StoreError('ERR_TURNPIKE_STORE_UNREACHABLE', `Redis: ${said}`, { cause, mayHaveRun: true });
  }
  const code = CONFIGURATION.test(reply) ? 'ERR_TURNPIKE_STORE_CONFIGURATION' : 'ERR_TURNPIKE_STORE_REPLY';
  return new StoreError(code, `Redis replied: ${reply}`, { cause });
}
