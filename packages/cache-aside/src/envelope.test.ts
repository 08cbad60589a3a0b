import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metaText, parsedEntry, seenOf } from './envelope.ts';

const META = 'a1 1795268915434027 7 42 t1 t2';
const HEAD = `1LAbcdefghij_-17952689154341795268915999J${String(META.length).padStart(5, '0')}`;

describe('an entry', () => {
  it('is read as it is written', () => {
    const entry = parsedEntry(Buffer.from(`${HEAD}${META}{"a":1}`));
    expect(entry).toMatchObject({ state: 'leased', token: 'Abcdefghij_-', kind: 'J', untilMs: 1795268915434 });
    expect(entry).toMatchObject({ stamp: { incarnation: 'a1', us: 1795268915434027 }, version: 7, loadMs: 42 });
    expect(entry?.tags).toEqual(['t1', 't2']);
    expect(entry?.payload.toString()).toBe('{"a":1}');
    expect(metaText(entry as NonNullable<typeof entry>)).toBe(META);
  });

  it.each([
    ['nothing', ''],
    ['another layout', `2${HEAD.slice(1)}${META}1`],
    ['what another program wrote', '{"value":1,"expires":1795268915434}'],
    ['half of a head', HEAD.slice(0, 20)],
    ['half of a meta', HEAD + META.slice(0, 10)],
    ['a stamp that is no number', `${HEAD}${META.replace('1795', '1x95')}1`],
  ])('that is %s is none', (_, text) => {
    expect(parsedEntry(Buffer.from(text))).toBeUndefined();
    expect(seenOf(Buffer.from(text)).length).toBeLessThanOrEqual(46);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(80), (noise, at) => {
        const bytes = Buffer.from(`${HEAD}${META}{}`);
        Buffer.from(noise).copy(bytes, at);
        parsedEntry(bytes);
        parsedEntry(Buffer.from(noise));
      }),
    );
  });

  it('adds no more than 120 bytes to its payload, with one tag', () => {
    expect(
      HEAD.length +
        metaText({ stamp: { incarnation: 'k3J9aQxx', us: 1795268915434027 }, tags: [`~${'a'.repeat(32)}`] }).length,
    ).toBeLessThan(120);
  });
});
