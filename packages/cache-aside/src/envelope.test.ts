import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metaBytes, parsedEntry, seenOf } from './envelope.ts';

const META = metaBytes({
  stamp: { incarnation: 'k3J9aQxx', us: 1795268915434027 },
  version: 7,
  loadMs: 42,
  tags: ['t1', 't2'],
});

function headOf(metaLength: number): Buffer {
  const head = Buffer.from(`2L${'-'.repeat(21)}J---`);
  head.write('Abcdefghij_-', 2, 'base64url');
  head.writeUIntBE(1795268915434, 11, 6);
  head.writeUIntBE(1795268915999, 17, 6);
  head.writeUIntBE(metaLength, 24, 3);
  return head;
}

const HEAD = headOf(META.length);
const PAYLOAD = Buffer.from('{"a":1}');
const ENTRY = Buffer.concat([HEAD, META, PAYLOAD]);

const changed = (at: number, letter: string): Buffer => {
  const bytes = Buffer.from(ENTRY);
  bytes.write(letter, at);
  return bytes;
};

describe('an entry', () => {
  it('is read as it is written', () => {
    const entry = parsedEntry(ENTRY);
    expect(entry).toMatchObject({ state: 'leased', token: 'Abcdefghij_-', kind: 'J', untilMs: 1795268915434 });
    expect(entry).toMatchObject({ freshUntilMs: 1795268915999, version: 7, loadMs: 42 });
    expect(entry?.stamp).toEqual({ incarnation: 'k3J9aQxx', us: 1795268915434027 });
    expect(entry?.tags).toEqual(['t1', 't2']);
    expect(entry?.payload).toEqual(PAYLOAD);
    expect(metaBytes(entry as NonNullable<typeof entry>)).toEqual(META);
    expect(seenOf(ENTRY)).toEqual(Buffer.concat([HEAD, META]));
  });

  it.each([
    ['no words', {}],
    ['tags', { tags: ['t', `~${'a'.repeat(32)}`] }],
    ['a version', { version: 0 }],
    ['the highest version', { version: Number.MAX_SAFE_INTEGER, tags: ['t'] }],
  ])('has of its meta %s', (_, more) => {
    const meta = { stamp: { incarnation: '--------', us: Number.MAX_SAFE_INTEGER }, tags: [], ...more };
    const bytes = metaBytes(meta);
    const read = parsedEntry(Buffer.concat([headOf(bytes.length), bytes]));
    expect(read).toMatchObject({ version: undefined, loadMs: 0, payload: Buffer.alloc(0), ...meta });
  });

  it('keeps of a load that took longer than a minute that it took one', () => {
    const bytes = metaBytes({ stamp: { incarnation: 'k3J9aQxx', us: 1 }, tags: [], loadMs: 3_600_000 });
    expect(parsedEntry(Buffer.concat([headOf(bytes.length), bytes]))?.loadMs).toBe(65_535);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    [
      'of the layout before',
      Buffer.from(`1-${'-'.repeat(12)}${'0'.repeat(13)}1795268915999J00017k3J9aQxx 1 - 0 t{"a":1}`),
    ],
    ['of the layout after', changed(0, '3')],
    ['in no state', changed(1, 'x')],
    ['of no kind', changed(23, 'x')],
    ['what another program wrote', Buffer.from('{"value":1,"expires":1795268915434,"and":"something that is longer"}')],
    ['half of a head', HEAD.subarray(0, 20)],
    ['half of a meta', ENTRY.subarray(0, HEAD.length + META.length - 1)],
    ['one whose meta is too short', Buffer.concat([headOf(15), META])],
  ])('that is %s is none', (_, bytes) => {
    expect(parsedEntry(bytes)).toBeUndefined();
    expect(seenOf(bytes).length).toBeLessThanOrEqual(27);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(80), (noise, at) => {
        const bytes = Buffer.from(ENTRY);
        Buffer.from(noise).copy(bytes, at);
        parsedEntry(bytes);
        parsedEntry(Buffer.from(noise));
      }),
    );
  });

  it('adds 43 bytes to its payload', () => {
    const stamp = { incarnation: 'k3J9aQxx', us: 1795268915434027 };
    expect(HEAD.length + metaBytes({ stamp, tags: [], loadMs: 42 }).length).toBe(43);
  });
});
