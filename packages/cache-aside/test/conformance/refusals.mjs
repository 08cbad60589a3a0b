/**
 * What a profile does not do, by the names of the tests that show it, and why. Whatever else is required and fails is a mistake;
 * and so is a refusal that none of them shows any longer.
 */
export const REFUSALS = {
  safe: [
    [
      /^304-|^cc-resp-must-revalidate-stale$|^conditional-etag-vary-headers$/,
      'what is stale is rendered anew, and not asked about',
    ],
    [/^headers-store-Set-Cookie$/, 'a cookie is one client’s'],
    [/^headers-store-Content-Range$/, 'what says that it is a part is not stored as the whole'],
    [/^cdn-/, 'what is said to a CDN (RFC 9213) is not said to a cache in the app'],
  ],
};
