import { createHash, hash, randomBytes } from 'node:crypto';

const RANDOM_BYTES = 16;

/** What binds a session's id to the kind of session it is of: 40 bits. */
const bond = (random: Buffer, realm: string): Buffer =>
  createHash('sha256').update(random).update(realm).digest().subarray(0, 5);

/** 128 random bits and their bond to a realm, as they stand in a token: the one secret of a session. */
export function newSid(realm: string): string {
  const random = randomBytes(RANDOM_BYTES);
  return Buffer.concat([random, bond(random, realm)]).toString('base64url');
}

/** Whether an id was made for this realm: a token of web sessions must not be believed where mobile ones are kept. */
export function isOfRealm(sid: string, realm: string): boolean {
  const bytes = Buffer.from(sid, 'base64url');
  const random = bytes.subarray(0, RANDOM_BYTES);
  return bond(random, realm).equals(bytes.subarray(RANDOM_BYTES));
}

const SID = /^[A-Za-z0-9_-]{28}$/;

export const isSid = (value: unknown): value is string => typeof value === 'string' && SID.test(value);

/** What Redis knows a session by. From it no token can be made. */
export const hashOf = (sid: string): string => hash('sha256', sid, 'base64url');

/** How many characters of a hash name a session to people: 72 bits, and nothing to sign in with. */
const HANDLE_CHARS = 12;

/** A session's name in lists, answers and logs: the beginning of its hash. */
export const handleOf = (hash: string): string => hash.slice(0, HANDLE_CHARS);

const HANDLE = /^[A-Za-z0-9_-]{12}$/;

export const isHandle = (value: unknown): value is string => typeof value === 'string' && HANDLE.test(value);
