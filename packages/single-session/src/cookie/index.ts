export { cookieSessions } from './middleware.ts';
export type { CookieOptions, CookieSessions } from './middleware.ts';
