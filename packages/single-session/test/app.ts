import type { RedisClient, SingleSession, SingleSessionOptions } from '../src/index.ts';

export const SECRET = 'a secret of at least thirty-two bytes';

export const JWT = { secret: SECRET, algorithm: 'HS256', issuer: 'shop', audience: 'shop-web' } as const;

/** The options of a test: the smallest that work. */
export const options = (
  redis: RedisClient,
  prefix: string,
  more: Partial<SingleSessionOptions> = {},
): SingleSessionOptions => ({
  redis,
  prefix,
  jwt: JWT,
  deadlineMs: 5000,
  ...more,
});

/** Why a token is refused; 'live' when it is not. Of a Redis that is away, the error's code. */
export const fate = (sessions: Pick<SingleSession<object>, 'verify'>, token: string): Promise<string> =>
  sessions.verify(token).then(
    () => 'live',
    (error: { reason?: string; code: string }) => error.reason ?? error.code,
  );

/** What stands in a token of ours, believed unseen. */
export const contentOf = (token: string): { sub: string; sid: string; gen: number } & Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
