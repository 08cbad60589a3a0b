import { describe, expect, test } from 'vitest';
import { createFrameReader, type Frame } from '../src/resp-frames.ts';

const summary = (frames: Frame[]): [string, string[]][] => frames.map(({ type, bulks }) => [type, bulks.map(String)]);

function readInChunksOf(size: number, stream: Buffer): Frame[] {
  const reader = createFrameReader();
  const frames: Frame[] = [];
  for (let at = 0; at < stream.length; at += size) frames.push(...reader.read(stream.subarray(at, at + size)));
  return frames;
}

const STREAM = Buffer.from(
  [
    '+OK\r\n',
    '-ERR no\r\n',
    ':-12\r\n',
    '$5\r\na\r\nb$\r\n',
    '$0\r\n\r\n',
    '$-1\r\n',
    '*-1\r\n',
    '*0\r\n',
    '*2\r\n$1\r\na\r\n*1\r\n:1\r\n',
    '%1\r\n+key\r\n*2\r\n+a\r\n%0\r\n',
    '~1\r\n#t\r\n',
    '>3\r\n$10\r\ninvalidate\r\n+x\r\n_\r\n',
    '|1\r\n$3\r\nttl\r\n:5\r\n*1\r\n,1.5\r\n',
    '=6\r\ntxt:ab\r\n',
    '(12345678901234567890\r\n',
  ].join(''),
);
const TYPES = ['+', '-', ':', '$', '$', '$', '*', '*', '*', '%', '~', '>', '*', '=', '('];

describe('a stream of RESP2 and RESP3 is cut into its values', () => {
  test.each([1, 2, 3, 7, 1_000])('in chunks of %i bytes', (size) => {
    expect(readInChunksOf(size, STREAM).map(({ type }) => type)).toEqual(TYPES);
  });
});

test('a frame ends where it ends', () => {
  const [first, second] = createFrameReader().read(Buffer.from('$2\r\nab\r\n+OK\r\n+half'));
  expect([first?.end, second?.end]).toEqual([8, 13]);
});

test('a command is its words, bytes and all', () => {
  const stream = Buffer.from('*3\r\n$3\r\nset\r\n$2\r\n\r\n\r\n$0\r\n\r\n');
  expect(summary(readInChunksOf(1, stream))).toEqual([['*', ['set', '\r\n', '']]]);
});

test('what is not RESP is no frame, and nothing after it is', () => {
  const reader = createFrameReader();
  expect(reader.read(Buffer.from('PING\r\n+OK\r\n'))).toEqual([]);
  expect(reader.read(Buffer.from('+OK\r\n'))).toEqual([]);
});
