import { hash } from 'node:crypto';

/** SHA-256 over parts with their lengths before them, in 43 characters of base64url: other parts, another digest. */
export function digest(parts: readonly string[]): string {
  let text = '';
  for (const part of parts) text += `${part.length}:${part}`;
  // utf16le, because utf8 folds every lone surrogate into one character.
  return hash('sha256', Buffer.from(text, 'utf16le'), 'base64url');
}
