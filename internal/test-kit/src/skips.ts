/** Test options that leave a suite or a test out, and say why to the skip reporter. */
export interface SkipOptions {
  readonly skip?: true;
  readonly meta?: object;
}

/**
 * Second argument for `describe` or `test`: what this machine cannot run is left out, hooks and all, and reported at the
 * end of the run as "N skipped, because …". With `CI=true` that makes the run fail.
 */
export const skipUnless = (condition: boolean, because: string): SkipOptions =>
  condition ? {} : { skip: true, meta: { skippedBecause: because } };
