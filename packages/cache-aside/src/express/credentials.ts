import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** Where clients say who they are. */
export const CREDENTIALS: readonly string[] = [
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'x-auth-token',
  'x-access-token',
  'x-session-token',
  'x-csrf-token',
  // What a proxy that signs users in says of them.
  'remote-user',
  'x-remote-user',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-preferred-username',
  'x-forwarded-groups',
  'x-forwarded-access-token',
  'x-auth-request-user',
  'x-auth-request-email',
  'x-auth-request-access-token',
  'cf-access-jwt-assertion',
  'cf-access-authenticated-user-email',
  'x-amzn-oidc-data',
  'x-amzn-oidc-identity',
  'x-goog-authenticated-user-email',
  'x-goog-authenticated-user-id',
  'x-goog-iap-jwt-assertion',
  'x-ms-client-principal',
  'x-ms-client-principal-id',
  'x-ms-client-principal-name',
  'tailscale-user-login',
  'x-user',
  'x-user-id',
  'x-authenticated-user',
  'x-authenticated-userid',
  'x-consumer-id',
  'x-consumer-custom-id',
  'x-consumer-username',
  'client-cert',
  'x-forwarded-client-cert',
  'x-ssl-client-cert',
  'x-ssl-client-dn',
  'x-ssl-client-s-dn',
  'ssl-client-cert',
];

const watchedOf = new WeakMap<IncomingHttpHeaders, IncomingHttpHeaders>();

/** Says that `watching` stands in front of `headers`. */
export const standsFor = (watching: IncomingHttpHeaders, headers: IncomingHttpHeaders): void =>
  void watchedOf.set(watching, headers);

/** The headers of a request, without telling a cache outside that is watching who reads them. */
export const unwatchedHeaders = ({ headers }: IncomingMessage): IncomingHttpHeaders =>
  watchedOf.get(headers) ?? headers;

/** Whether a request says who asks. */
export function hasCredentials(req: IncomingMessage): boolean {
  const headers = unwatchedHeaders(req);
  return CREDENTIALS.some((name) => headers[name] !== undefined);
}
