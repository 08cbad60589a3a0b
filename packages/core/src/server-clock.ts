/** After this long a measurement is renewed. */
const RENEW_MS = 30_000;

/** How far two clocks may drift apart meanwhile: 500 ppm, the most NTP corrects (RFC 5905, appendix A.1.1, MAXFREQ). */
const DRIFT = 500e-6;

/** What is known of a server's clock, seen from this process's monotonic one. */
export interface ServerClock {
  /**
   * The server's time at the local instant `at`, in µs, never too late: the time its reply took and all drift since are
   * counted against us. 0 while nothing is known. Only a server clock that was stepped back makes it too late, until it
   * is measured again.
   */
  microsecondsAt(at: number): number;
  /**
   * The server said `nowUs`, and we read it at the local instant `receivedAt`, having asked at `askedAt`, or it is not known when. What a
   * busy process has read late makes nothing worse that is known better; a clock that was stepped back is believed.
   */
  learn(nowUs: number, receivedAt: number, askedAt?: number): void;
  isDue(now: number): boolean;
  isKnown(): boolean;
  forget(): void;
}

export function createServerClock(): ServerClock {
  let known: { nowUs: number; at: number } | undefined;
  const clock: ServerClock = {
    microsecondsAt(at) {
      if (known === undefined) return 0;
      const elapsedUs = (at - known.at) * 1000;
      return Math.floor(known.nowUs + elapsedUs - Math.abs(elapsedUs) * DRIFT);
    },
    learn(nowUs, receivedAt, askedAt = -Infinity) {
      const knownUs = clock.microsecondsAt(receivedAt);
      const mostUs = nowUs + (receivedAt - askedAt) * 1000;
      known = { nowUs: knownUs <= mostUs ? Math.max(knownUs, nowUs) : nowUs, at: receivedAt };
    },
    isKnown: () => known !== undefined,
    isDue: (now) => known !== undefined && now - known.at > RENEW_MS,
    forget() {
      known = undefined;
    },
  };
  return clock;
}
