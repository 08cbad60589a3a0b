import { type KeyObject, createPrivateKey, createPublicKey, createSecretKey } from 'node:crypto';
import { type OptionChecks, OptionError } from '@turnpike/core';
import jwt from 'jsonwebtoken';
import { isSid } from './sid.ts';

/** One key of the ring: a secret for HS algorithms, a key pair in PEM for the others. */
export interface JwtKey {
  /** Names the key in the token's header. Required in a ring of several. */
  kid?: string;
  /** At least 32 bytes. */
  secret?: string | Buffer;
  privateKey?: string | Buffer;
  publicKey?: string | Buffer;
}

/** How tokens are signed and read. Everything that is not said to be optional is required: nothing is left unchecked. */
export interface JwtOptions extends JwtKey {
  algorithm: Algorithm;
  issuer: string;
  audience: string;
  /** Instead of one key: the first signs, all are read. For rotation with overlap. */
  keys?: readonly JwtKey[];
  /**
   * How far the clocks of two servers may be apart, in ms.
   *
   * @default 0
   */
  clockToleranceMs?: number;
}

/** What a token says: who, which session, which login, and what the app added. */
export interface TokenContent {
  readonly userId: string;
  readonly sid: string;
  readonly gen: number;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * What a token is for, in its header (RFC 8725 §3.11): with one session's access token nobody refreshes it, and with its
 * refresh token nobody comes in.
 */
type TokenType = 'JWT' | 'rt+jwt';

/** Signs and reads tokens, strictly: RFC 7519, with RFC 8725's advice. */
export interface TokenCodec {
  sign(content: Pick<TokenContent, 'userId' | 'sid' | 'gen' | 'claims'>, expiresInMs: number, typ?: TokenType): string;
  /** What a token says, or why it is not believed. */
  read(token: string, typ?: TokenType): TokenContent | 'malformed' | 'expired';
}

/** Of RFC 7518; named here, so that an app needs the types of no other package. */
type Algorithm = `${'HS' | 'RS' | 'PS' | 'ES'}${'256' | '384' | '512'}`;

const ALGORITHMS: readonly Algorithm[] = [
  ...(['HS256', 'HS384', 'HS512'] as const),
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512'] as const),
];

const OPTIONS: readonly (keyof JwtOptions)[] = [
  'algorithm',
  'issuer',
  'audience',
  'keys',
  'clockToleranceMs',
  'kid',
  'secret',
  'privateKey',
  'publicKey',
];

/** Claims that are ours or the standard's to set. */
const RESERVED = ['sub', 'sid', 'gen', 'iat', 'exp', 'nbf', 'iss', 'aud', 'jti'];

/** In characters. A longer one is not made, and not looked at: a header may not make us hash megabytes. */
const LONGEST_TOKEN = 8000;

const LEAST_SECRET_BYTES = 32;

interface Key {
  readonly kid: string | undefined;
  readonly signs: KeyObject | undefined;
  readonly reads: KeyObject;
}

/** @throws OptionError for a key that is missing, weak, or not of the algorithm's kind */
function keyOf(check: OptionChecks, algorithm: Algorithm, { kid, secret, privateKey, publicKey }: JwtKey): Key {
  check.must(kid === undefined || (typeof kid === 'string' && kid !== ''), 'jwt.kid', 'a string', kid);
  if (algorithm.startsWith('HS')) {
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
    const isStrong = Buffer.isBuffer(bytes) && bytes.length >= LEAST_SECRET_BYTES;
    if (!isStrong) {
      const received = Buffer.isBuffer(bytes) ? `${bytes.length} bytes` : typeof secret;
      throw new OptionError(
        `singleSession: option "jwt.secret" must be at least ${LEAST_SECRET_BYTES} bytes for ${algorithm}, received ${received}`,
      );
    }
    const key = createSecretKey(bytes);
    return { kid, signs: key, reads: key };
  }
  try {
    const signs = privateKey === undefined ? undefined : createPrivateKey(privateKey);
    const reads = createPublicKey(publicKey ?? privateKey ?? '');
    const kind = algorithm.startsWith('ES') ? 'ec' : 'rsa';
    check.must(
      reads.asymmetricKeyType === kind,
      'jwt.publicKey',
      `a key of type ${kind} for ${algorithm}`,
      reads.asymmetricKeyType,
    );
    return { kid, signs, reads };
  } catch (error) {
    if (error instanceof OptionError) throw error;
    throw new OptionError(
      `singleSession: option "jwt.publicKey" must be a key in PEM for ${algorithm}, received something else`,
    );
  }
}

/** @throws OptionError for a pair of two halves, a curve that is not the algorithm's, an RSA key that is too short */
function assertReadsWhatItSigns(algorithm: Algorithm, { signs, reads }: Key): void {
  if (signs === undefined) return;
  try {
    jwt.verify(jwt.sign({}, signs, { algorithm }), reads, { algorithms: [algorithm] });
  } catch (error) {
    throw new OptionError(
      `singleSession: option "jwt.privateKey" must be one that signs for ${algorithm} what its public key reads: ${(error as Error).message}`,
    );
  }
}

/** @throws OptionError when anything that makes a token checkable is missing */
export function tokenCodec(check: OptionChecks, options: JwtOptions): TokenCodec {
  // Not the value: a secret may stand here by mistake.
  check.must(typeof options === 'object' && options !== null, 'jwt', 'an object, or false', typeof options);
  for (const name of Object.keys(options)) check.oneOf('jwt', name, OPTIONS);
  const { algorithm, issuer, audience, keys, clockToleranceMs = 0, ...single } = options;
  check.oneOf('jwt.algorithm', algorithm, ALGORITHMS);
  for (const [name, value] of Object.entries({ issuer, audience })) {
    check.must(typeof value === 'string' && value !== '', `jwt.${name}`, 'a string that is not empty', value);
  }
  check.integer('jwt.clockToleranceMs', clockToleranceMs, 0, 60_000);
  check.must(keys === undefined || (Array.isArray(keys) && keys.length > 0), 'jwt.keys', 'an array of keys', keys);
  const alone = keys === undefined || Object.keys(single).length === 0;
  check.must(alone, 'jwt.keys', 'without secret, privateKey, publicKey and kid beside it', Object.keys(single)[0]);
  const ring = (keys ?? [single]).map((key) => keyOf(check, algorithm, key));
  const [first] = ring as [Key];
  check.must(first.signs !== undefined, 'jwt.privateKey', 'given for the key that signs', undefined);
  const kids = ring.map(({ kid }) => kid);
  const areNamed = ring.length === 1 || (!kids.includes(undefined) && new Set(kids).size === kids.length);
  check.must(areNamed, 'jwt.keys', 'keys with a kid each', kids);
  for (const key of ring) assertReadsWhatItSigns(algorithm, key);

  const common = { algorithm, issuer, audience } as const;
  const checks = {
    algorithms: [algorithm],
    issuer,
    audience,
    clockTolerance: clockToleranceMs / 1000,
    complete: true,
  } as const satisfies jwt.VerifyOptions;
  /** Of a ring its key by name; where there is one without a name, that one. */
  const keyFor = (token: string): Key | undefined => {
    if (first.kid === undefined) return first;
    const kid = kidOf(token);
    return ring.find((one) => one.kid === kid);
  };

  return {
    sign({ userId, sid, gen, claims }, expiresInMs, typ = 'JWT') {
      const reserved = Object.keys(claims).filter((name) => RESERVED.includes(name));
      check.must(reserved.length === 0, 'claims', `without ${RESERVED.join(', ')}`, reserved[0]);
      const exp = Math.ceil((Date.now() + expiresInMs) / 1000);
      const payload = { ...claims, sub: userId, sid, gen, exp };
      const token = jwt.sign(payload, first.signs as KeyObject, {
        ...common,
        header: { alg: algorithm, typ },
        ...(first.kid === undefined ? {} : { keyid: first.kid }),
      });
      const fits = token.length <= LONGEST_TOKEN;
      check.must(fits, 'claims', `small enough for a token of ${LONGEST_TOKEN} characters`, token.length);
      return token;
    },
    read(token, typ = 'JWT') {
      if (typeof token !== 'string' || token.length > LONGEST_TOKEN) return 'malformed';
      const key = keyFor(token);
      if (key === undefined) return 'malformed';
      try {
        const { header, payload } = jwt.verify(token, key.reads, checks);
        // A name that the only key does not have is not looked for beforehand.
        if (key.kid === undefined && header.kid !== undefined) return 'malformed';
        return contentOf(header, payload, audience, typ) ?? 'malformed';
      } catch (error) {
        return error instanceof jwt.TokenExpiredError ? 'expired' : 'malformed';
      }
    },
  };
}

/** Which key a token says it is signed with; nothing is believed of it yet. */
function kidOf(token: string): unknown {
  const [header = ''] = token.split('.', 1);
  try {
    return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: unknown }).kid;
  } catch {
    return null;
  }
}

/** A verified token's content, if it is one of ours to the letter: jsonwebtoken leaves these unchecked. */
function contentOf(
  header: jwt.JwtHeader,
  payload: unknown,
  audience: string,
  typ: TokenType,
): TokenContent | undefined {
  if (header.typ !== typ || header.crit !== undefined) return undefined;
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { sub, sid, gen, iat, exp, aud, iss: _iss, ...claims } = payload as Record<string, unknown>;
  if (typeof sub !== 'string' || !isSid(sid) || !Number.isSafeInteger(gen) || aud !== audience) return undefined;
  if (typeof iat !== 'number' || typeof exp !== 'number') return undefined;
  return { userId: sub, sid, gen: gen as number, claims, issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 };
}
