import { createHash, randomBytes } from 'node:crypto';

/** 128 random bits, as they stand in a token: the one secret of a session. */
export const newSid = (): string => randomBytes(16).toString('base64url');

const SID = /^[A-Za-z0-9_-]{22}$/;

export const isSid = (value: unknown): value is string => typeof value === 'string' && SID.test(value);

/** What Redis knows a session by. From it no token can be made. */
export const hashOf = (sid: string): string => createHash('sha256').update(sid).digest('base64url');

/** How many characters of a hash name a session to people: 72 bits, and nothing to sign in with. */
const HANDLE_CHARS = 12;

/** A session's name in lists, answers and logs: the beginning of its hash. */
export const handleOf = (hash: string): string => hash.slice(0, HANDLE_CHARS);

const HANDLE = /^[A-Za-z0-9_-]{12}$/;

export const isHandle = (value: unknown): value is string => typeof value === 'string' && HANDLE.test(value);
