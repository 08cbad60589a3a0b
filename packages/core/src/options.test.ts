import { describe, expect, it } from 'vitest';
import { OptionError, TurnpikeError } from './errors.ts';
import { optionChecks, withDefaults } from './options.ts';

const check = (options: object = {}) => optionChecks('rateLimit', options);

describe('a bad option', () => {
  it('is a TypeError that names option, rule and value', () => {
    const error = (() => {
      try {
        return check().integer('limit', 0, 1, 10);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toBeInstanceOf(TurnpikeError);
    expect(error).toMatchObject({
      code: 'ERR_TURNPIKE_OPTION',
      message: 'rateLimit: option "limit" must be an integer from 1 to 10, received 0 (number)',
    });
  });

  it.each([[Number.NaN], [1.5], ['5'], [null], [undefined], [Infinity], [2 ** 53]])(
    'refuses %s as an integer',
    (value) => {
      expect(() => check().integer('limit', value, 1)).toThrow(OptionError);
    },
  );

  it('that nobody knows is refused with the names that are known', () => {
    expect(() => check({ limt: 1 }).known(['limit', 'windowMs'])).toThrow(
      'rateLimit: unknown option "limt": known options are limit, windowMs',
    );
  });

  it('of a rival is translated', () => {
    expect(() => check({ max: 1 }).known(['limit'], { max: 'limit' })).toThrow('"max": it is called limit here');
  });

  it('is shown short', () => {
    expect(() => check().oneOf('name', 'x'.repeat(1000), ['a', 'b'])).toThrow(/one of 'a', 'b', received "x{64}…"$/);
    expect(() => check().optionalFunction('key', [1, 2])).toThrow('must be a function, received an array of 2');
  });

  it('may be the options themselves', () => {
    expect(() => optionChecks('rateLimit', null as unknown as object)).toThrow(
      'options must be an object, received null',
    );
  });
});

it('defaults stand in for what is not given, and for what is given as undefined', () => {
  expect(withDefaults({ limit: 1, name: 'a' }, { limit: undefined, name: 'b' })).toEqual({ limit: 1, name: 'b' });
});
