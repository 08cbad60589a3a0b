export interface Settings {
  readonly seconds: number;
  /** Determines what is done when. */
  readonly seed: number;
}

/** Of what is shorter nothing is kept: it is for whoever looks for something, and says too little. */
export const DEFAULT_SECONDS = 300;

/** @throws RangeError when one of them is given, and is not what it has to be */
export function settingsFrom(env: Readonly<Record<string, string | undefined>>): Settings {
  const integer = (name: string, least: number, otherwise: number): number => {
    const given = env[name];
    if (given === undefined) return otherwise;
    if (/^\d{1,9}$/.test(given) && Number(given) >= least) return Number(given);
    throw new RangeError(`${name}: an integer from ${least}, received ${JSON.stringify(given)}`);
  };
  return {
    seconds: integer('SOAK_SECONDS', 1, DEFAULT_SECONDS),
    seed: integer('SOAK_SEED', 0, Date.now() % 1_000_000),
  };
}
