import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Recording, packRecording, unpackRecording } from './recording.ts';

const recordings: fc.Arbitrary<Recording> = fc.record({
  status: fc.integer({ min: 100, max: 999 }),
  statusMessage: fc.option(fc.string(), { nil: undefined }),
  headers: fc.array(fc.tuple(fc.string(), fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.string())))),
  removed: fc.array(fc.string()),
  body: fc.option(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    { nil: undefined },
  ),
  isOverCap: fc.boolean(),
});

const RECORDING: Recording = {
  status: 200,
  statusMessage: undefined,
  headers: [['X', '1']],
  removed: ['Y'],
  body: Buffer.from('body'),
  isOverCap: false,
};

/** A packed recording with another head. */
function packedHead(head: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const preamble = Buffer.from([2, 0, 0, 0, 0]);
  preamble.writeUInt32BE(json.length, 1);
  return Buffer.concat([preamble, json]);
}

const HEAD = { status: 200, headers: [] };

describe('a packed recording', () => {
  it('is read back as it was', () => {
    fc.assert(
      fc.property(recordings, (recording) => {
        expect(unpackRecording(packRecording(recording))).toEqual(recording);
      }),
    );
  });

  it('knows an empty body from none', () => {
    expect(unpackRecording(packRecording({ ...RECORDING, body: Buffer.alloc(0) })).body).toEqual(Buffer.alloc(0));
    expect(unpackRecording(packRecording({ ...RECORDING, body: undefined })).body).toBeUndefined();
  });

  it('is read where it is one', () => {
    expect(unpackRecording(packedHead(HEAD))).toMatchObject({ status: 200, body: Buffer.alloc(0) });
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('{"status":200}')],
    ['another version', Buffer.concat([Buffer.from([1]), packRecording(RECORDING).subarray(1)])],
    ['half a head', packRecording(RECORDING).subarray(0, 20)],
    ['no head', packRecording(RECORDING).subarray(0, 4)],
    ['no JSON', Buffer.from([2, 0, 0, 0, 1, 0x7b])],
    ['null', packedHead(null)],
    ['no status', packedHead({ ...HEAD, status: '200' })],
    ['odd headers', packedHead({ ...HEAD, headers: [['X']] })],
    ['odd values', packedHead({ ...HEAD, headers: [['X', 1]] })],
    ['odd names', packedHead({ ...HEAD, removed: [1] })],
    ['an odd phrase', packedHead({ ...HEAD, statusMessage: 1 })],
    ['an odd word on its cap', packedHead({ ...HEAD, isOverCap: false })],
    ['an odd word on its body', packedHead({ ...HEAD, hasNoBody: 1 })],
    ['a body that it does not have', Buffer.concat([packedHead({ ...HEAD, hasNoBody: true }), Buffer.from('x')])],
  ])('is refused with a code when it is %s', (_what, packed) => {
    expect(() => unpackRecording(packed)).toThrow(expect.objectContaining({ code: 'ERR_TURNPIKE_STORE_REPLY' }));
  });
});
