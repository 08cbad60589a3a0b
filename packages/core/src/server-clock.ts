/** After this long a measurement is renewed: two clocks drift by at most some 15 ms meanwhile (500 ppm, RFC 5905 §A.5.1). */
const RENEW_MS = 30_000;

/** What is known of a server's clock, seen from this process's monotonic one. */
export interface ServerClock {
  /**
   * The server's time at the local instant `at`, in µs, never too late: the reply that told us was received after the
   * server read its clock, and all that time is counted against us. 0 while nothing is known.
   */
  microsecondsAt(at: number): number;
  /** The server said `nowUs`, and we read it at the local instant `receivedAt`. */
  learn(nowUs: number, receivedAt: number): void;
  isDue(now: number): boolean;
  forget(): void;
}

export function createServerClock(): ServerClock {
  let known: { offsetUs: number; at: number } | undefined;
  return {
    microsecondsAt: (at) => (known === undefined ? 0 : Math.floor(at * 1000 + known.offsetUs)),
    learn(nowUs, receivedAt) {
      known = { offsetUs: nowUs - receivedAt * 1000, at: receivedAt };
    },
    isDue: (now) => known !== undefined && now - known.at > RENEW_MS,
    forget() {
      known = undefined;
    },
  };
}
