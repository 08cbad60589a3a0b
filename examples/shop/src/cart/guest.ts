import { randomBytes } from 'node:crypto';
import { parse } from 'cookie';
import type { Request, Response } from 'express';

const NAME = 'cart';
const ID = /^[A-Za-z0-9_-]{22}$/;
const OPTIONS = { httpOnly: true, sameSite: 'lax', path: '/' } as const;

/** The cart of somebody who has not signed in, by a cookie that says nothing else. */
export function guestOf(req: Request): string | undefined {
  const id = parse(req.get('cookie') ?? '')[NAME];
  return id !== undefined && ID.test(id) ? id : undefined;
}

export function newGuest(res: Response, maxAge: number): string {
  const id = randomBytes(16).toString('base64url');
  res.cookie(NAME, id, { ...OPTIONS, maxAge });
  return id;
}

export const forgetGuest = (res: Response): void => void res.clearCookie(NAME, OPTIONS);
