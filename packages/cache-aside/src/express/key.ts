import { createHash, hash } from 'node:crypto';
import { unescape } from 'node:querystring';
import type { HttpRequest } from '@turnpike/core';

/** What a request asks for, whoever asks; or why that cannot be told. */
export type Target =
  | {
      readonly kind: 'page';
      /** Everything that tells this page from every other, but what it varies by: 43 characters. */
      readonly url: string;
    }
  | { readonly kind: 'none'; readonly why: 'host' | 'target' };

/** Undefined: everybody gets the same. */
type Scope = string | undefined;

/** RFC 3986 §3.2.2, as far as names and addresses go: what else a Host may say is no host of ours. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * What proxies and frameworks take for the host, scheme, path or method, and a handler may put into its page. Whoever sends
 * such a header gets a page of his own.
 */
export const OVERRIDES: readonly string[] = [
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-path',
  'x-forwarded-uri',
  'x-original-host',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'x-host',
  'x-url-scheme',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-http-host-override',
  'x-forwarded-protocol',
  'x-scheme',
  'x-script-name',
  'cloudfront-forwarded-proto',
  'front-end-https',
];

/** What Express makes of the request beside what Node does: behind a trusted proxy, what that says. */
interface ExpressView {
  readonly protocol?: string;
  readonly hostname?: string;
  readonly baseUrl?: string;
}

/** `query`: the names that count; undefined: all. `profile`: by whose rules it is a page; undefined: the safe ones. */
export function targetOf(
  req: HttpRequest,
  scope: Scope,
  query: readonly string[] | undefined,
  profile?: string,
): Target {
  const { host } = req.headers;
  if (host === undefined || !HOST.test(host)) return { kind: 'none', why: 'host' };
  const asked = req.originalUrl ?? req.url ?? '';
  if (!asked.startsWith('/')) return { kind: 'none', why: 'target' };

  const { protocol = '', hostname = '', baseUrl = '' } = req as ExpressView;
  const routed = baseUrl + (req.url ?? '');
  const parts: unknown[] = [
    host,
    protocol,
    hostname,
    canonical(asked, query),
    // A middleware may have written it anew.
    baseUrl,
    routed === asked ? '' : canonical(routed, query),
  ];
  if (scope === undefined) parts.push(profile ?? 'public');
  else parts.push('scope', scope);
  for (const name of OVERRIDES) {
    const value = req.headers[name];
    if (value !== undefined) parts.push(name, String(value));
  }
  if (req.headers.forwarded !== undefined) parts.push('forwarded', withoutClients(req.headers.forwarded));
  return { kind: 'page', url: digest(parts) };
}

// In one call: a Hash is an object outside of the heap, which the collector pays for.
export const digest = (parts: readonly unknown[]): string => hash('sha256', JSON.stringify(parts), 'base64url');

/** Of who asked, and through whom: nothing else may hide in it. */
const CLIENT = /^\s*(?:for|by)=(?:"[^"]*"|[^\s"]*)\s*$/i;

/** RFC 7239 without who asked: what is left is about the host and the scheme. */
const withoutClients = (forwarded: string): string[][] =>
  forwarded.split(',').map((proxy) => proxy.split(';').filter((pair) => !CLIENT.test(pair)));

/** More than this is left in its order: query parsers stop counting somewhere (`qs` at 1000). */
const MOST_PARAMETERS = 100;

/**
 * A URL in which the order of unrelated parameters does not matter. Those of one name stay in their order, and so do those
 * that a parser may put into one list or object: `a`, `a[]`, `a[b]`, `a.b`. Where a name is such that parsers differ on what it
 * means, all stay in their order.
 */
export function canonical(url: string, query?: readonly string[]): string {
  const mark = url.indexOf('?');
  // A fragment has no place here, and parsers differ on where it begins.
  if (mark < 0 || url.includes('#')) return url;
  const all = url.slice(mark + 1).split('&');
  if (all.length > MOST_PARAMETERS) return url;
  const counted = query?.map((name) => rootOf(encodeURIComponent(name)) ?? name);
  const pairs = all
    .map((text) => ({ text, root: rootOf(text) }))
    .filter(({ root }) => counted === undefined || root === undefined || counted.includes(root));
  if (pairs.length === 0) return url.slice(0, mark);
  const isClear = pairs.every(({ root }) => root !== undefined);
  const ordered = isClear ? pairs.toSorted((one, other) => compare(one.root!, other.root!)) : pairs;
  return `${url.slice(0, mark)}?${ordered.map(({ text }) => text).join('&')}`;
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** A name, and where it leads to in an object, as all parsers understand it. */
const CLEAR_NAME = /^([^[\].]*)(?:\[[^[\]]*\]|\.[^[\].]+)*$/;

/** The name of a parameter, up to where it becomes a path into an object; undefined: parsers do not agree on it. */
function rootOf(pair: string): string | undefined {
  const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(pair.replace(/%5B/gi, '[').replace(/%5D/gi, ']')) ?? [];
  // To `qs` a name may end behind its last bracket, also where there was an equals sign before.
  if (value.includes(']=')) return undefined;
  const [path, root] = CLEAR_NAME.exec(decoded(name.replaceAll('+', ' ')) ?? '[') ?? [];
  return root === '' && path !== '' ? undefined : root;
}

/** Undefined for what parsers decode in part, each in its way. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * So many names are shared by all paths: every write marks one, and beyond 16,384 marks the oldest would make everything absent
 * that is older. Of paths that share a name a change drops both.
 */
const PATHS = 8192;

/**
 * The tag of all pages of a URL's path: those of every host, query, scope and variant. A change under one spelling of a path
 * concerns all that a router may take for the same.
 */
export const pathTagOf = (req: HttpRequest): string => pathTag(req.originalUrl ?? req.url ?? '');

/** The same, of a URL. */
export const pathTag = (url: string): string => {
  // A client may name the host with it (RFC 9112 §3.2.2).
  const asked = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  const path = /^[^?#]*/.exec(asked)?.[0] ?? '';
  const known = unescape(path).toLowerCase().replace(/\/+$/, '');
  return `path-${createHash('sha256').update(known).digest().readUInt32BE() % PATHS}`;
};
