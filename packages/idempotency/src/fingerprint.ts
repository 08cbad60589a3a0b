import { type HttpRequest, type OptionChecks, TurnpikeError } from '@turnpike/core';
import canonicalize from 'canonicalize';
import { digest } from './digest.ts';
import { linesOf } from './header-lines.ts';

/** What of a request makes it the same request. */
export interface FingerprintOptions {
  /**
   * The members of the body that count.
   *
   * @default all
   */
  fields?: readonly string[];
  /**
   * Those that do not: a time stamp of the client's, say.
   *
   * @default []
   */
  exclude?: readonly string[];
  /**
   * The query parameters that count.
   *
   * @default []
   */
  query?: readonly string[];
  /**
   * The headers that count.
   *
   * @default []
   */
  headers?: readonly string[];
  /**
   * The bytes of the body, which then count instead of what was parsed of them.
   *
   * @default the body where it is a Buffer
   */
  rawBody?(req: HttpRequest): Uint8Array | string | undefined;
}

/** The body is JSON without a canonical form: nested too deep, with half a character, or with a number that is none. */
export class BodyError extends Error {}

/** Raised with every change of what is below: prints of two versions are not compared. */
const VERSION = 'v1';

/** No query parameters and no headers. */
const NOTHING_CHOSEN = JSON.stringify([[], []]);

/**
 * How requests are told apart: SHA-256 over the canonical JSON (RFC 8785) of the parsed body, and the chosen query and
 * headers. The order of members does not matter. `key`, which nobody else knows, keeps a short body from being guessed of
 * its print. Prints made in different ways begin differently, and are not compared.
 */
export function fingerprint(options: FingerprintOptions): (req: HttpRequest, key: string) => string {
  const { rawBody } = options;
  const [fields, exclude] = [sorted(options.fields), sorted(options.exclude)];
  const [query, headers] = [
    sorted(options.query) ?? [],
    sorted(options.headers?.map((name) => name.toLowerCase())) ?? [],
  ];
  const way = digest([JSON.stringify([fields, exclude, query, headers, rawBody !== undefined])]).slice(0, 6);

  const counted = (body: object): object => {
    if (fields === undefined && exclude === undefined) return body;
    return Object.fromEntries(
      Object.entries(body).filter(([name]) => (fields?.includes(name) ?? true) && !(exclude?.includes(name) ?? false)),
    );
  };

  const contentOf = (req: HttpRequest): string[] => {
    const body: unknown = rawBody === undefined ? req.body : rawBody(req);
    if (isUnparsed(req, body)) throw unparsed();
    if (body === undefined) return ['none'];
    if (typeof body === 'string') return ['text', body];
    if (body instanceof Uint8Array) return ['bytes', Buffer.from(body).toString('latin1')];
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return ['json', canonical(body)];
    const prototype: unknown = Object.getPrototypeOf(body);
    // A Map, a FormData: what is in it is not in its members.
    if (prototype !== Object.prototype && prototype !== null) throw unparsed();
    return ['json', canonical(counted(body))];
  };

  const chosenOf = (req: HttpRequest): string => {
    if (query.length === 0 && headers.length === 0) return NOTHING_CHOSEN;
    const parameters = new URLSearchParams(/\?(.*)$/.exec(req.originalUrl ?? req.url ?? '')?.[1]);
    return JSON.stringify([query.map((name) => parameters.getAll(name)), headers.map((name) => linesOf(req, name))]);
  };

  return (req, key) => `${VERSION}.${way}:${digest([key, ...contentOf(req), chosenOf(req)])}`;
}

const sorted = (names: readonly string[] | undefined): string[] | undefined => names && [...names].toSorted();

function canonical(body: unknown): string {
  try {
    return canonicalize(body) ?? '';
  } catch (cause) {
    throw new BodyError('the body is no JSON that has a canonical form', { cause });
  }
}

/** Whether there is a body that nobody has read into what is to be compared. */
function isUnparsed(req: HttpRequest, body: unknown): boolean {
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (!hasBody) return false;
  if (body === undefined) return true;
  // What a parser of Express 4 leaves where it did not parse.
  return !req.readableDidRead && typeof body === 'object' && body !== null && Object.keys(body).length === 0;
}

const unparsed = (): TurnpikeError =>
  new TurnpikeError(
    'ERR_TURNPIKE_BODY_UNPARSED',
    'idempotency: the request has a body that was not parsed into JSON, text or a Buffer, so another payload could not be told from this one. ' +
      'Mount express.json(), or the parser of this content type, before it, or give fingerprint.rawBody.',
  );

/** @throws OptionError when an option breaks its rule */
export function checkFingerprint(check: OptionChecks, options: FingerprintOptions): void {
  const names = ['fields', 'exclude', 'query', 'headers'] as const;
  for (const name of Object.keys(options)) {
    const isKnown = [...names, 'rawBody'].includes(name);
    check.must(isKnown, 'fingerprint', `of ${names.join(', ')} and rawBody`, name);
  }
  for (const name of names) {
    const given = options[name];
    const isList = given === undefined || (Array.isArray(given) && given.every((one) => typeof one === 'string'));
    check.must(isList, `fingerprint.${name}`, 'an array of strings', given);
  }
  check.optionalFunction('fingerprint.rawBody', options.rawBody);
}
