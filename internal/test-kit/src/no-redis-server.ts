/** Thrown when a test asks for a server of its own and this machine can start none. The message says how to get one. */
export class NoRedisServer extends Error {
  override readonly name: string = 'NoRedisServer';
  readonly code: string = 'NO_REDIS_SERVER';
}
