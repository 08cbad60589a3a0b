import { describe, expect, it } from 'vitest';
import { type Rfc9111Options, checkedOptions } from './options.ts';

describe('the options of rfc9111', () => {
  it('have defaults', () => {
    expect(checkedOptions({})).toEqual({
      targets: ['cdn-cache-control'],
      heuristicFraction: 0.1,
      heuristicMaxMs: 86_400_000,
      keepStaleMs: 3_600_000,
    });
    expect(checkedOptions({ keepStaleMs: undefined } as unknown as Rfc9111Options).keepStaleMs).toBe(3_600_000);
  });

  it('take the names of fields in any case', () => {
    expect(checkedOptions({ targets: ['Ours-Cache-Control'] }).targets).toEqual(['ours-cache-control']);
  });

  it.each<[options: object, message: string]>([
    [{ target: 'a' }, 'unknown option "target"'],
    [{ targets: 'CDN-Cache-Control' }, 'option "targets" must be an array of header names'],
    [{ targets: ['a b'] }, 'option "targets" must be an array of header names'],
    [{ heuristicFraction: 1.5 }, 'option "heuristicFraction" must be a number from 0 to 1'],
    [{ heuristicFraction: '0.1' }, 'option "heuristicFraction" must be a number from 0 to 1'],
    [{ heuristicMaxMs: -1 }, 'option "heuristicMaxMs" must be an integer'],
    [{ keepStaleMs: 0.5 }, 'option "keepStaleMs" must be an integer'],
  ])('are checked: %j', (options, message) => {
    expect(() => checkedOptions(options)).toThrow(
      expect.objectContaining({ code: 'ERR_TURNPIKE_OPTION', message: expect.stringContaining(message) as string }),
    );
  });
});
