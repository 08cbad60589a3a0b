import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { subjectOf } from './client-address.ts';

describe('a client address', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:49152', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['0000:0000:0000:0000:0000:FFFF:CB00:7107', '203.0.113.7'],
    ['[::ffff:203.0.113.7]:8080', '203.0.113.7'],
    ['::ffff:0:203.0.113.7', '203.0.113.7'],
    ['64:ff9b::203.0.113.7', '203.0.113.7'],
    ['64:ff9b::cb00:7107', '203.0.113.7'],
    ['64:ff9b:1::203.0.113.7', '64:ff9b:1:0:0:0:0:0/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:0:0:0:0/64'],
    ['2001:db8:1:2::', '2001:db8:1:2:0:0:0:0/64'],
    ['[2001:DB8:1:2::9]:443', '2001:db8:1:2:0:0:0:0/64'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:0/64'],
    ['::1', '0:0:0:0:0:0:0:0/64'],
    ['::', '0:0:0:0:0:0:0:0/64'],
    ['::203.0.113.7', '0:0:0:0:0:0:0:0/64'],
  ])('%s counts as %s', (address, subject) => {
    expect(subjectOf(address, 64)).toBe(subject);
  });

  it.each([
    [56, '2001:db8:1:ff00:0:0:0:0/56'],
    [48, '2001:db8:1:0:0:0:0:0/48'],
    [60, '2001:db8:1:fff0:0:0:0:0/60'],
    [128, '2001:db8:1:ffff:1:2:3:4/128'],
    [1, '0:0:0:0:0:0:0:0/1'],
  ])('of IPv6 is cut to its first %i bits', (bits, subject) => {
    expect(subjectOf('2001:db8:1:ffff:1:2:3:4', bits)).toBe(subject);
  });

  it.each([[undefined], [''], ['unknown'], ['203.0.113.7, 198.51.100.1'], ['203.0.113.256'], ['/var/run/app.sock']])(
    'is not %s',
    (address) => {
      expect(subjectOf(address, 64)).toBeUndefined();
    },
  );

  it('tells every two IPv4 clients of a dual-stack socket apart', () => {
    const ipv4 = fc.ipV4();
    fc.assert(
      fc.property(ipv4, ipv4, (one, other) => {
        expect(subjectOf(`::ffff:${one}`, 64)).toBe(one);
        expect(subjectOf(`::ffff:${one}`, 64) === subjectOf(`::ffff:${other}`, 64)).toBe(one === other);
      }),
    );
  });

  it('of IPv6 does not depend on how it is spelled', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const canonical = new URL(`http://[${address}]/`).hostname;
        expect(subjectOf(canonical, 64)).toBe(subjectOf(address, 64));
      }),
      { numRuns: 1000 },
    );
  });
});
