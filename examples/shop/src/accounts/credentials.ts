import { randomBytes, scrypt as scryptWithCallback, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Queries } from '../database/database.ts';

/** Somebody who may sign in. */
export interface Account {
  readonly email: string;
  readonly role: 'customer' | 'admin';
}

interface AccountRow extends Account {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const scrypt = promisify<string, Uint8Array, number, Buffer>(scryptWithCallback);

/** Slow on purpose: about 50 ms. */
const hashOf = (password: string, salt: Uint8Array): Promise<Buffer> => scrypt(password, salt, 32);

/** One account in one spelling, or its limit could be passed by writing it in another. */
export const accountKey = (email: unknown): string | undefined =>
  typeof email === 'string' ? email.normalize('NFKC').trim().toLowerCase() : undefined;

/** Longer ones are nobody's, and are not worth the hashing. */
const LONGEST_PASSWORD = 200;

/** Compared with where there is no such account: that takes as long as where there is. */
const NOBODY = { salt: randomBytes(16), hash: randomBytes(32) };

/** The account that these credentials open, if they do. */
export async function accountOf(database: Queries, email: unknown, password: unknown): Promise<Account | undefined> {
  const key = accountKey(email) ?? '';
  if (typeof password !== 'string' || password.length > LONGEST_PASSWORD || key.includes('\0')) return undefined;
  const [row] = await database.query<AccountRow>(
    'select email, role, password_salt as salt, password_hash as hash from accounts where email = $1',
    [key],
  );
  const { salt, hash } = row ?? NOBODY;
  const isRight = timingSafeEqual(await hashOf(password, salt), hash);
  return row !== undefined && isRight ? { email: row.email, role: row.role } : undefined;
}

/** The example's accounts. Their passwords are no secret. */
const EXAMPLES: readonly (Account & { readonly password: string })[] = [
  { email: 'ann@example.com', role: 'customer', password: 'correct horse battery staple' },
  { email: 'bob@example.com', role: 'customer', password: 'an umbrella in the hallway' },
  { email: 'eve@example.com', role: 'admin', password: 'keys under the third pot' },
];

export const accountRows = (): Promise<AccountRow[]> =>
  Promise.all(
    EXAMPLES.map(async ({ email, role, password }) => {
      const salt = randomBytes(16);
      return { email, role, salt, hash: await hashOf(password, salt) };
    }),
  );
