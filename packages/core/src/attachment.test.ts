import { describe, expect, it } from 'vitest';
import { attachment } from './attachment.ts';

describe('what a middleware attaches to a request', () => {
  it('is there for that request, undefined included, and adds nothing to it', () => {
    const limits = attachment<number | undefined>('rateLimit');
    const req = {};
    limits.attach(req, undefined);
    expect(limits.of(req)).toBeUndefined();
    expect(Reflect.ownKeys(req)).toEqual([]);
  });

  it('is the latest for each request', () => {
    const limits = attachment<number>('rateLimit');
    const [one, other] = [{}, {}];
    expect(limits.find(one)).toBeUndefined();
    limits.attach(one, 1);
    limits.attach(other, 2);
    limits.attach(one, 3);
    expect([limits.of(one), limits.of(other)]).toEqual([3, 2]);
    expect([limits.find(one), limits.find(other)]).toEqual([3, 2]);
  });

  it('is a coded error where the middleware did not run, also where another one of its kind did', () => {
    const one = attachment<number>('rateLimit');
    const other = attachment<number>('rateLimit');
    const req = {};
    one.attach(req, 1);
    expect(() => other.of(req)).toThrow(/rateLimit\.of\(req\).*did not run/);
    expect(() => other.of(req)).toThrow(expect.objectContaining({ code: 'ERR_TURNPIKE_NOT_MOUNTED' }));
  });
});
