import { OptionError } from './errors.ts';

/** How a rejected value looks in a message: short. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean')
    return `${value} (${typeof value})`;
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value)
    ? `an array of ${value.length}`
    : typeof value === 'function'
      ? 'a function'
      : 'an object';
}

/** The checks a factory makes of its options, once, at construction. Each throws an `OptionError`. */
export interface OptionChecks {
  /** Refuses unknown names, and translates those of well-known rivals: `rivals` maps theirs to ours. */
  known(names: readonly string[], rivals?: Readonly<Record<string, string>>): void;
  /** The general form: `option` must hold its `rule`. */
  must(holds: boolean, option: string, rule: string, value: unknown): void;
  integer(option: string, value: unknown, min: number, max?: number): void;
  oneOf(option: string, value: unknown, choices: readonly string[]): void;
  /** A string of at least `minLength` characters, of which a message tells the length only. */
  secret(option: string, value: unknown, minLength: number): void;
  /** A function, or absent. */
  optionalFunction(option: string, value: unknown): void;
}

export function optionChecks(factory: string, options: object): OptionChecks {
  const must = (holds: boolean, option: string, rule: string, value: unknown): void => {
    if (!holds) throw new OptionError(`${factory}: option "${option}" must be ${rule}, received ${shown(value)}`);
  };
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`${factory}: options must be an object, received ${shown(options)}`);
  }
  return {
    must,
    known(names, rivals = {}) {
      for (const name of Object.keys(options)) {
        if (names.includes(name)) continue;
        const ours = Object.hasOwn(rivals, name) ? rivals[name] : undefined;
        const hint = ours === undefined ? `known options are ${names.join(', ')}` : `it is called ${ours} here`;
        throw new OptionError(`${factory}: unknown option "${name}": ${hint}`);
      }
    },
    integer(option, value, min, max = Number.MAX_SAFE_INTEGER) {
      if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
      must(false, option, `an integer from ${min} to ${max}`, value);
    },
    oneOf(option, value, choices) {
      must(
        choices.includes(value as string),
        option,
        `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`,
        value,
      );
    },
    secret(option, value, minLength) {
      if (typeof value === 'string' && value.length >= minLength) return;
      const received = typeof value === 'string' ? `one of ${value.length}` : shown(value);
      throw new OptionError(
        `${factory}: option "${option}" must be a string of ${minLength} characters or more, received ${received}`,
      );
    },
    optionalFunction(option, value) {
      must(value === undefined || typeof value === 'function', option, 'a function', value);
    },
  };
}

/** Options over their defaults. One that is there and undefined is not there. */
export function withDefaults<Defaults extends object, Options extends object>(
  defaults: Defaults,
  options: Options,
): Defaults & Options {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) } as Defaults & Options;
}
