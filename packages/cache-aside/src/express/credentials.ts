import type { IncomingMessage } from 'node:http';

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
  'x-forwarded-client-cert',
  'x-ssl-client-cert',
  'x-ssl-client-dn',
  'x-ssl-client-s-dn',
  'ssl-client-cert',
];

/** Whether a request says who asks. Does not look at what it says: an outer cache may be watching. */
export const hasCredentials = ({ headers }: IncomingMessage): boolean =>
  CREDENTIALS.some((name) => Object.prototype.propertyIsEnumerable.call(headers, name));
