import { isUtf8 } from 'node:buffer';

/** What MONITOR says of one command. */
export interface MonitorLine {
  /** `127.0.0.1:50000`, or `lua` for what a script called. */
  readonly source: string;
  readonly command: string[];
}

const LINE = /^\d+\.\d+ \[\d+ ([^\]]*)\] (.*)$/s;
const WORD = /"((?:[^"\\]|\\.)*)"/g;
const ESCAPE = /\\(?:x([0-9a-f]{2})|(.))/g;
const CONTROL: Record<string, string> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };

/** Redis writes every byte that is not printable ASCII as an escape, so a line is ASCII and a word is bytes. */
function unquote(quoted: string): string {
  const oneCharacterPerByte = quoted.replace(ESCAPE, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (CONTROL[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const bytes = Buffer.from(oneCharacterPerByte, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : oneCharacterPerByte;
}

/**
 * Parses `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`. A word that is UTF-8 comes back as that text; any other, in
 * which a script's binary arguments are, with one character per byte ('latin1'). Undefined for a line of another shape.
 */
export function parseMonitorLine(line: string): MonitorLine | undefined {
  const [, source, words] = LINE.exec(line) ?? [];
  if (source === undefined || words === undefined) return undefined;
  return { source, command: Array.from(words.matchAll(WORD), ([, quoted = '']) => unquote(quoted)) };
}
