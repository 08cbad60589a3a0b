import { createHash, timingSafeEqual } from 'node:crypto';

/** Somebody who may sign in. */
export interface Account {
  readonly email: string;
  readonly role: 'customer' | 'admin';
}

const digest = (password: string): Buffer => createHash('sha256').update(password).digest();

/** The example's three accounts. A real shop keeps a slow hash (argon2id, scrypt) of each password in its database. */
const ACCOUNTS = new Map([
  ['ann@example.com', { role: 'customer' as const, password: digest('correct horse battery staple') }],
  ['bob@example.com', { role: 'customer' as const, password: digest('an umbrella in the hallway') }],
  ['eve@example.com', { role: 'admin' as const, password: digest('keys under the third pot') }],
]);

/** One account in one spelling, or its limit could be passed by writing it in another. */
export const accountKey = (email: unknown): string | undefined =>
  typeof email === 'string' ? email.normalize('NFKC').trim().toLowerCase() : undefined;

/** The account these credentials open, if they do. */
export function accountOf(email: unknown, password: unknown): Account | undefined {
  const key = accountKey(email) ?? '';
  const known = ACCOUNTS.get(key);
  const isRight =
    known !== undefined && typeof password === 'string' && timingSafeEqual(known.password, digest(password));
  return isRight ? { email: key, role: known.role } : undefined;
}
