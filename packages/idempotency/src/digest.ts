import { createHash } from 'node:crypto';

/** SHA-256 over parts with their lengths before them, in 43 characters of base64url: other parts, another digest. */
export function digest(parts: readonly string[]): string {
  const hash = createHash('sha256');
  // utf16le, because utf8 folds every lone surrogate into one character.
  for (const part of parts) hash.update(`${part.length}:`).update(part, 'utf16le');
  return hash.digest('base64url');
}
