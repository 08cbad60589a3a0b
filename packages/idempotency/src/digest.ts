import { createHash } from 'node:crypto';

/** SHA-256 over parts with their lengths before them, in 43 characters of base64url: other parts, another digest. */
export function digest(parts: readonly string[]): string {
  const text = parts.map((part) => `${part.length}:${part}`).join('');
  // utf16le, because utf8 folds every lone surrogate into one character.
  return createHash('sha256').update(text, 'utf16le').digest('base64url');
}
