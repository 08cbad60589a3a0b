/** How often one command is sent: what breaks every connection it travels on must end. */
const SENDS = 3;

/** What node-redis says of a command that was on its way when the connection broke. Whether it has run nobody knows. */
const LOST = /^Socket (closed unexpectedly|timeout)/;

const isLost = (error: unknown): boolean =>
  error instanceof Error && (LOST.test(error.message) || ('syscall' in error && 'errno' in error));

/**
 * Sends again what a broken connection has left without an answer; node-redis itself only rejects it. Sent into the client's
 * own queue, which holds it until the connection is back, or ends it after `commandOptions.timeout`. For commands that do
 * no harm when they run twice, as none of ours does.
 */
export async function resending<T>(send: () => Promise<T>, sends: number = SENDS): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (sends <= 1 || !isLost(error)) throw error;
    return resending(send, sends - 1);
  }
}
