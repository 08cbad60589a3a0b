/** One whole value of a RESP stream, either way: a command, a reply or a push. */
export interface Frame {
  /** The first byte, such as '*', '+' or '>'. */
  readonly type: string;
  /** Where it ends in the chunk that completed it. */
  readonly end: number;
  /** The bulk strings in it, in order, however deep: of a command, its words. */
  readonly bulks: Buffer[];
}

export interface FrameReader {
  /** The frames that this chunk completes. None any more once the stream turned out not to be RESP. */
  read(chunk: Buffer): Frame[];
}

const SIMPLE = '+-:_#,(';
const BULK = '$=!';
const AGGREGATE = '*~>%|';
const CR_LF = 2;

/** Cuts a RESP2 or RESP3 stream into frames, whatever chunks it comes in. */
export function createFrameReader(): FrameReader {
  // What is open, the innermost last: how many values it still needs.
  let open: { left: number; isAttribute: boolean }[] = [];
  let type: string | undefined;
  let bulks: Buffer[] = [];
  let header = '';
  let body: { left: number; pieces: Buffer[] } | undefined;
  let isRead = true;

  /** Closes what the value that ended here was the last of; true when that is the frame itself. */
  function close(): boolean {
    for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
      inner.left -= 1;
      if (inner.left > 0) return false;
      open.pop();
      // An attribute stands before a value, and is none.
      if (inner.isAttribute) return false;
    }
    return true;
  }

  /** True when the header is a value by itself, and that value ends the frame. */
  function endsWithHeader(kind: string, count: number): boolean {
    if (SIMPLE.includes(kind) || count < 0) return close();
    if (BULK.includes(kind)) {
      body = { left: count + CR_LF, pieces: [] };
      return false;
    }
    const isAttribute = kind === '|';
    const left = kind === '%' || isAttribute ? 2 * count : count;
    if (left > 0) open.push({ left, isAttribute });
    return left === 0 && !isAttribute && close();
  }

  function read(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    for (let at = 0; at < chunk.length && isRead;) {
      let isWhole = false;
      if (body !== undefined) {
        const piece = chunk.subarray(at, at + body.left);
        body.pieces.push(piece);
        body.left -= piece.length;
        at += piece.length;
        if (body.left > 0) break;
        bulks.push(Buffer.concat(body.pieces).subarray(0, -CR_LF));
        body = undefined;
        isWhole = close();
      } else {
        const newline = chunk.indexOf('\n', at);
        header += chunk.toString('latin1', at, newline < 0 ? chunk.length : newline);
        if (newline < 0) break;
        at = newline + 1;
        const kind = header.charAt(0);
        isRead = kind !== '' && (SIMPLE + BULK + AGGREGATE).includes(kind);
        // An attribute before the frame does not give it its type.
        if (type === undefined && kind !== '|' && open.length === 0) type = kind;
        isWhole = isRead && endsWithHeader(kind, Number.parseInt(header.slice(1), 10));
        header = '';
      }
      if (!isWhole) continue;
      frames.push({ type: type ?? '', end: at, bulks });
      [type, bulks, open] = [undefined, [], []];
    }
    return frames;
  }

  return { read };
}
