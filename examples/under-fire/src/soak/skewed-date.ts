const RealDate = Date;
let skewMs = 0;

/** From now on `Date` is so many ms ahead in this process: a machine whose clock is wrong. Timers are not. */
export function skewClock(ms: number): void {
  skewMs = ms;
  globalThis.Date = SkewedDate;
}

const now = (): number => RealDate.now() + skewMs;

/** Of those forms of `Date` that tell the time. */
const SkewedDate = new Proxy(RealDate, {
  construct: (target, given: unknown[], newTarget) =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as Date,
  get: (target, property) => (property === 'now' ? now : (Reflect.get(target, property) as unknown)),
});
