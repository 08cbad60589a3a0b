import { describe, expect, it } from 'vitest';
import { OptionError, StoreError, TurnpikeError } from './errors.ts';

describe('a Turnpike error', () => {
  it('is recognised across copies of this package', () => {
    const foreign = Object.defineProperty(new Error('from another copy'), Symbol.for('turnpike.error'), {
      value: true,
    });
    expect(foreign).toBeInstanceOf(TurnpikeError);
    expect(foreign).not.toBeInstanceOf(StoreError);
    expect(new Error('plain')).not.toBeInstanceOf(TurnpikeError);
    expect(null).not.toBeInstanceOf(TurnpikeError);
    expect(new OptionError('x')).toBeInstanceOf(TurnpikeError);
  });

  it('keeps its cause, its code and its status', () => {
    const cause = new Error('connect ECONNREFUSED');
    const error = new StoreError('ERR_TURNPIKE_STORE_UNREACHABLE', 'gone', { cause });
    expect(error).toMatchObject({ code: 'ERR_TURNPIKE_STORE_UNREACHABLE', status: 503, cause, name: 'StoreError' });
    expect(StoreError.isPassing(error)).toBe(true);
    expect(StoreError.isPassing(new StoreError('ERR_TURNPIKE_STORE_CONFIGURATION', 'NOPERM'))).toBe(false);
    expect(StoreError.isPassing(cause)).toBe(false);
  });
});
