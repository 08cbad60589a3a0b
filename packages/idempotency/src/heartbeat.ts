/** How a lease is prolonged. */
export interface Heartbeat {
  readonly leaseMs: number;
  /** How long after this the first beat comes, in ms. */
  readonly firstMs: number;
  /** Begins the lease anew. False when it is another's, or over. */
  beat(deadlineMs: number): Promise<boolean>;
  /** The lease is another's. Nothing is prolonged any more. */
  onLost(): void;
  /** A beat was heard after the stop, and perhaps after what was said then. */
  onStray(): void;
}

/** How long a beat may take at most, and how soon one that was not heard is followed by the next, in ms. */
const PATIENCE_MS = 1000;

/** Beats every third of the lease, or sooner where one was not heard, until it is stopped by the function that is returned. */
export function startHeartbeat({ leaseMs, firstMs, beat, onLost, onStray }: Heartbeat): () => void {
  const patienceMs = Math.min(leaseMs / 3, PATIENCE_MS);
  let isStopped = false;
  let timer = setTimeout(next, firstMs).unref();

  function next(): void {
    beat(patienceMs).then(
      (isHeld) => {
        if (isStopped) return void (isHeld && onStray());
        if (isHeld) timer = setTimeout(next, leaseMs / 3).unref();
        else onLost();
      },
      () => {
        if (!isStopped) timer = setTimeout(next, patienceMs).unref();
      },
    );
  }

  return function stop() {
    isStopped = true;
    clearTimeout(timer);
  };
}
