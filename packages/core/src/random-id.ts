import { randomBytes } from 'node:crypto';

/** Drawn for so many ids at once: to ask for randomness takes longer than all else that makes one. A multiple of 4. */
const IDS_DRAWN = 256;

/** Makes ids of so many characters of base64url, 6 random bits each, from the system's generator. */
export function randomIds(chars: number): () => string {
  let drawn = '';
  let used = 0;
  return () => {
    if (used === drawn.length) {
      drawn = randomBytes((IDS_DRAWN * chars * 3) / 4).toString('base64url');
      used = 0;
    }
    used += chars;
    return drawn.slice(used - chars, used);
  };
}
