import { type KeyObject, createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { type JwtOptions, type SingleSessionOptions, OptionError, singleSession } from '../src/index.ts';
import { JWT, SECRET, contentOf, fate, options } from './app.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const here = (jwtOptions: JwtOptions = JWT, more: Partial<SingleSessionOptions> = {}) =>
  singleSession(options(it_.clients.client(), it_.clients.prefix, { limit: 100, ...more, jwt: jwtOptions }));

/** A key pair as PEM, which is what apps have. */
const pem = ({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }) => ({
  privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
});
const rsaPair = (modulusLength: number) => pem(generateKeyPairSync('rsa', { modulusLength }));
const ecPair = (namedCurve: string) => pem(generateKeyPairSync('ec', { namedCurve }));

const [RSA, OTHER_RSA, EC] = [rsaPair(2048), rsaPair(2048), ecPair('P-256')];

const NAMES = { issuer: JWT.issuer, audience: JWT.audience };

const SETS: Record<string, JwtOptions> = {
  HS256: JWT,
  RS256: { ...NAMES, ...RSA, algorithm: 'RS256' },
  PS256: { ...NAMES, ...RSA, algorithm: 'PS256' },
  ES256: { ...NAMES, ...EC, algorithm: 'ES256' },
};

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token with any header and content, signed as HS256 does with any key. */
function forge(header: object, payload: object, key: string | Buffer = SECRET): string {
  const signed = `${encoded(header)}.${encoded(payload)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

const HEADER = { alg: 'HS256', typ: 'JWT' };

const without = (content: object, name: string): object =>
  Object.fromEntries(Object.entries(content).filter(([one]) => one !== name));

describe('the zoo: a live session’s token with one thing wrong is refused', () => {
  /** A live session, what its token says, and whether a forgery of it is believed. */
  async function live(jwtOptions: JwtOptions = JWT) {
    const sessions = here(jwtOptions);
    const { token } = await sessions.login('ann');
    return { sessions, token, content: contentOf(token), of: (forged: string) => fate(sessions, forged) };
  }

  it('and with nothing wrong it is not: the forger of these tests can sign', async () => {
    const { content, of } = await live();
    expect(await of(forge(HEADER, content))).toBe('live');
  });

  it('alg none, in every spelling, with and without a signature', async () => {
    const { token, content, of } = await live();
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined, ['HS256'], 'HS256 ']) {
      expect(await of(forge({ ...HEADER, alg }, content))).toBe('invalid');
      expect(await of(`${encoded({ ...HEADER, alg })}.${encoded(content)}.`)).toBe('invalid');
      expect(await of(`${encoded({ ...HEADER, alg })}.${encoded(content)}`)).toBe('invalid');
    }
    expect(await of(token.slice(0, token.lastIndexOf('.') + 1))).toBe('invalid');
  });

  it('another algorithm of the same key', async () => {
    const { content, of } = await live();
    for (const algorithm of ['HS384', 'HS512'] as const) {
      expect(await of(jwt.sign(content, SECRET, { algorithm }))).toBe('invalid');
    }
    const rsa = await live(SETS['RS256']);
    for (const algorithm of ['RS384', 'PS256'] as const) {
      expect(await rsa.of(jwt.sign(rsa.content, RSA.privateKey, { algorithm }))).toBe('invalid');
    }
  });

  it.each(['RS256', 'PS256', 'ES256'])('HS256 with the public key of %s as its secret', async (name) => {
    const { content, of } = await live(SETS[name]);
    const { publicKey } = name === 'ES256' ? EC : RSA;
    const der = createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
    for (const key of [publicKey, publicKey.trim(), publicKey.replaceAll('\n', ''), der]) {
      expect(await of(forge(HEADER, content, key))).toBe('invalid');
      expect(await of(forge({ ...HEADER, alg: name }, content, key))).toBe('invalid');
    }
  });

  it('another secret, and another key pair', async () => {
    const { content, of } = await live();
    expect(await of(forge(HEADER, content, SECRET.replace('a', 'b')))).toBe('invalid');
    expect(await of(forge(HEADER, content, ''))).toBe('invalid');
    const rsa = await live(SETS['RS256']);
    expect(await rsa.of(jwt.sign(rsa.content, OTHER_RSA.privateKey, { algorithm: 'RS256' }))).toBe('invalid');
  });

  it('a kid that is not in the ring, or another’s', async () => {
    const { content, of } = await live();
    for (const kid of ['1', '', null, 0, {}, '../../etc/passwd', "' or 1=1", '__proto__', 'constructor']) {
      expect(await of(forge({ ...HEADER, kid }, content))).toBe('invalid');
    }
    const [one, two] = [`${SECRET} 1`, `${SECRET} 2`];
    const ring = await live({
      ...NAMES,
      algorithm: 'HS256',
      keys: [
        { kid: '1', secret: one },
        { kid: '2', secret: two },
      ],
    });
    expect(await ring.of(forge({ ...HEADER, kid: '1' }, ring.content, one))).toBe('live');
    expect(await ring.of(forge({ ...HEADER, kid: '2' }, ring.content, two))).toBe('live');
    expect(await ring.of(forge({ ...HEADER, kid: '2' }, ring.content, one))).toBe('invalid');
    expect(await ring.of(forge({ ...HEADER, kid: '3' }, ring.content, one))).toBe('invalid');
    expect(await ring.of(forge(HEADER, ring.content, one))).toBe('invalid');
  });

  it('keys that the token brings itself', async () => {
    const { content, of } = await live(SETS['RS256']);
    const jwk = createPublicKey(OTHER_RSA.publicKey).export({ format: 'jwk' });
    for (const header of [
      { jwk },
      { jku: 'https://evil.example/keys' },
      { x5u: 'https://evil.example/' },
      { x5c: [] },
    ]) {
      const forged = jwt.sign(content, OTHER_RSA.privateKey, {
        algorithm: 'RS256',
        header: { alg: 'RS256', ...header },
      });
      expect(await of(forged)).toBe('invalid');
    }
  });

  it.each<[string, unknown[]]>([
    ['iss', ['other', '', ['shop'], null]],
    ['aud', ['other', '', ['shop-web'], ['shop-web', 'other'], null]],
    ['sid', ['', 'short', 'A'.repeat(23), `${'A'.repeat(21)}=`, 5, null, ['A'.repeat(22)]]],
    ['gen', ['1', 1.5, null, 2 ** 60, [1]]],
    ['sub', [5, null, ['ann'], { toString: 'ann' }]],
    ['exp', ['never', null, '9999999999', [1e12]]],
    ['iat', ['now', null]],
    ['nbf', ['now', null]],
  ])('%s that is another, of another type, or missing', async (name, values) => {
    const { content, of } = await live();
    for (const value of values) expect(await of(forge(HEADER, { ...content, [name]: value }))).toBe('invalid');
    if (name !== 'nbf') expect(await of(forge(HEADER, without(content, name)))).toBe('invalid');
  });

  it('typ that is another or missing: a token made for something else with the same key', async () => {
    const { content, of } = await live();
    for (const typ of ['at+jwt', 'JWE', 'refresh', '', 'jwt ', null, ['JWT']]) {
      expect(await of(forge({ ...HEADER, typ }, content))).toBe('invalid');
    }
    expect(await of(forge({ alg: 'HS256' }, content))).toBe('invalid');
  });

  it('crit: what must be understood, and is not', async () => {
    const { content, of } = await live();
    for (const crit of [['exp'], ['b64'], [], null, 'exp']) {
      expect(await of(forge({ ...HEADER, crit, b64: false }, content))).toBe('invalid');
    }
  });

  it('expired, or not valid yet; within the clock tolerance neither', async () => {
    const { content, of, sessions } = await live();
    const tolerant = here({ ...JWT, clockToleranceMs: 10_000 });
    const nowS = Math.floor(Date.now() / 1000);
    expect(await of(forge(HEADER, { ...content, exp: nowS - 5 }))).toBe('expired');
    expect(await of(forge(HEADER, { ...content, exp: nowS }))).toBe('expired');
    expect(await of(forge(HEADER, { ...content, exp: -1 }))).toBe('expired');
    expect(await of(forge(HEADER, { ...content, nbf: nowS + 5 }))).toBe('invalid');
    expect(await fate(tolerant, forge(HEADER, { ...content, exp: nowS - 5 }))).toBe('live');
    expect(await fate(tolerant, forge(HEADER, { ...content, nbf: nowS + 5 }))).toBe('live');
    expect(await fate(tolerant, forge(HEADER, { ...content, exp: nowS - 15 }))).toBe('expired');
    expect(await fate(tolerant, forge(HEADER, { ...content, nbf: nowS + 15 }))).toBe('invalid');
    // The tolerance is for clocks, and gives no session more time.
    await sessions.revokeAll('ann');
    expect(await fate(tolerant, forge(HEADER, { ...content, exp: nowS - 5 }))).toBe('revoked');
  });

  it('what is no token: NUL, nothing, two, four or five parts, 8 kB of header, other types', async () => {
    const { token, content, of } = await live();
    const [header = '', payload = '', signature = ''] = token.split('.');
    const long = forge({ ...HEADER, x: 'x'.repeat(8192) }, content);
    for (const not of [
      '',
      ' ',
      '\0',
      '.',
      '..',
      '....',
      `${token}\0`,
      `\0${token}`,
      `${token}\n`,
      ` ${token}`,
      `${token}.`,
      `${header}.${payload}`,
      `${token}.${signature}`,
      // As a JWE: header, key, IV, ciphertext, tag.
      `${encoded({ alg: 'dir', enc: 'A256GCM' })}..${payload}.${payload}.${signature}`,
      `${header}.${header}.${payload}.${payload}.${signature}`,
      `${encoded('HS256')}.${payload}.${signature}`,
      `${encoded(null)}.${payload}.${signature}`,
      `${encoded([HEADER])}.${payload}.${signature}`,
      `${header}.${encoded(null)}.${signature}`,
      `${header}.!.${signature}`,
      long,
      'x'.repeat(1_000_000),
      '{"header":1}',
      forge(HEADER, [content]),
      forge(HEADER, 'ann' as never),
      forge(HEADER, null as never),
    ]) {
      expect(await of(not)).toBe('invalid');
    }
    for (const not of [undefined, null, 5, {}, [token], Buffer.from(token), { toString: () => token }]) {
      expect(await of(not as never)).toBe('invalid');
    }
  });
});

describe('a token spelled in another way', () => {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

  /** The strings that decode to the same bytes: other last characters, padding, the other base64 alphabet. */
  function spellings(token: string): string[] {
    const bytes = Buffer.from(token.split('.')[2] ?? '', 'base64url');
    const start = token.slice(0, -1);
    const others = Array.from(ALPHABET, (last) => start + last);
    const padded = [`${token}=`, `${token}==`, ...others.map((other) => `${other}==`)];
    const signature = token.split('.')[2] ?? '';
    const base64 = token.slice(0, -signature.length) + signature.replaceAll('-', '+').replaceAll('_', '/');
    return [...others, ...padded, base64].filter(
      (other) => other !== token && bytes.equals(Buffer.from(other.split('.')[2] ?? '', 'base64url')),
    );
  }

  it('is refused with HS256: there is one spelling of a signature', async () => {
    const sessions = here();
    const { token } = await sessions.login('ann');
    expect(spellings(token).length).toBeGreaterThan(5);
    for (const other of spellings(token)) expect(await fate(sessions, other)).toBe('invalid');
    const [header, payload, signature] = token.split('.');
    expect(await fate(sessions, `${header}=.${payload}.${signature}`)).toBe('invalid');
    expect(await fate(sessions, `${header}.${payload}=.${signature}`)).toBe('invalid');
  });

  it.each(['RS256', 'PS256', 'ES256'])(
    'is with %s at most the same session, and over with it: no spelling escapes a logout or a newer login',
    async (name) => {
      const sessions = here(SETS[name], { limit: 1 });
      const { token } = await sessions.login('ann');
      const others = spellings(token);
      expect(others.length).toBeGreaterThan(5);
      const believed = [];
      for (const other of others) if ((await fate(sessions, other)) === 'live') believed.push(other);
      for (const other of believed) expect(contentOf(other)).toEqual(contentOf(token));
      await sessions.login('ann');
      for (const other of [token, ...others]) expect(['replaced', 'invalid']).toContain(await fate(sessions, other));
      for (const other of believed) expect(await fate(sessions, other)).toBe('replaced');
    },
  );

  it('has with ES256 a twin, (r, n − s), that is believed: it too is the same session, and over with it', async () => {
    const sessions = here(SETS['ES256']);
    const { token, session } = await sessions.login('ann');
    const [header, payload, signature = ''] = token.split('.');
    const hex = Buffer.from(signature, 'base64url').toString('hex');
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const s = (order - BigInt(`0x${hex.slice(64)}`)).toString(16).padStart(64, '0');
    const twin = `${header}.${payload}.${Buffer.from(hex.slice(0, 64) + s, 'hex').toString('base64url')}`;
    expect(await fate(sessions, twin)).toBe('live');
    await sessions.revoke('ann', session.handle);
    expect(await fate(sessions, twin)).toBe('revoked');
  });

  it('leaves the session id as it is: another last character of the sid is another session, that nobody began', async () => {
    const sessions = here();
    const content = contentOf((await sessions.login('ann')).token);
    const others = Array.from(ALPHABET, (last) => content.sid.slice(0, -1) + last).filter((sid) => sid !== content.sid);
    expect(others).toHaveLength(63);
    // 21 bytes fill 28 characters: no two spellings mean the same bytes.
    expect(new Set(others.map((sid) => Buffer.from(sid, 'base64url').toString('hex'))).size).toBe(63);
    for (const sid of others) expect(await fate(sessions, forge(HEADER, { ...content, sid }))).toBe('replaced');
  });
});

describe('keys', () => {
  it.each(Object.keys(SETS))('%s: what is signed is read, with claims', async (name) => {
    const sessions = here(SETS[name]);
    const { token } = await sessions.login('ann', { claims: { role: 'admin', deep: { list: [1, 'ü'] } } });
    expect(jwt.decode(token, { complete: true })?.header).toMatchObject({ alg: name, typ: 'JWT' });
    expect(await sessions.verify(token)).toMatchObject({
      userId: 'ann',
      claims: { role: 'admin', deep: { list: [1, 'ü'] } },
    });
  });

  it('rotate with overlap: both are read while both are in the ring, the first signs, the old one goes', async () => {
    const ring = (...keys: JwtOptions['keys'] & {}) => here({ ...NAMES, algorithm: 'HS256', keys });
    const [old, fresh] = [
      { kid: '2025', secret: `${SECRET} 2025` },
      { kid: '2026', secret: `${SECRET} 2026` },
    ];
    const [before, during, after] = [ring(old), ring(fresh, old), ring(fresh)];
    const [first, second] = [(await before.login('ann')).token, (await during.login('ann')).token];
    expect(jwt.decode(first, { complete: true })?.header.kid).toBe('2025');
    expect(jwt.decode(second, { complete: true })?.header.kid).toBe('2026');
    const fates = async (sessions: typeof before) => [await fate(sessions, first), await fate(sessions, second)];
    expect(await fates(before)).toEqual(['live', 'invalid']);
    expect(await fates(during)).toEqual(['live', 'live']);
    expect(await fates(after)).toEqual(['invalid', 'live']);
    // A service that only reads needs no private key beyond the first.
    const readers = here({
      ...NAMES,
      algorithm: 'RS256',
      keys: [
        { kid: 'a', ...OTHER_RSA },
        { kid: 'b', publicKey: RSA.publicKey },
      ],
    });
    const signer = here({ ...NAMES, algorithm: 'RS256', kid: 'b', ...RSA });
    expect(await fate(readers, (await signer.login('bob')).token)).toBe('live');
  });

  const secret = 'sixteen bytes....';
  const hs = { ...NAMES, algorithm: 'HS256' as const };
  const rs = { ...hs, algorithm: 'RS256' as const };
  it.each<[string, string, unknown]>([
    ['no secret', 'jwt.secret', hs],
    ['an empty secret', 'jwt.secret', { ...JWT, secret: '' }],
    ['a short secret', 'jwt.secret', { ...JWT, secret }],
    ['a secret of 31 bytes', 'jwt.secret', { ...JWT, secret: 'x'.repeat(31) }],
    ['a short Buffer', 'jwt.secret', { ...JWT, secret: Buffer.from(secret) }],
    ['a secret that is a number', 'jwt.secret', { ...JWT, secret: 12_345_678_901_234 }],
    ['a key object in place of a secret', 'jwt.secret', { ...JWT, secret: { key: secret } }],
    ['a key pair for HS256', 'jwt.secret', { ...hs, ...RSA }],
    ['no issuer', 'jwt.issuer', without(JWT, 'issuer')],
    ['an empty issuer', 'jwt.issuer', { ...JWT, issuer: '' }],
    ['an issuer from a missing environment variable', 'jwt.issuer', { ...JWT, issuer: undefined }],
    ['no audience', 'jwt.audience', without(JWT, 'audience')],
    ['an empty audience', 'jwt.audience', { ...JWT, audience: '' }],
    ['several audiences', 'jwt.audience', { ...JWT, audience: ['shop-web'] }],
    ['no algorithm', 'jwt.algorithm', without(JWT, 'algorithm')],
    ['the algorithm none', 'jwt.algorithm', { ...JWT, algorithm: 'none' }],
    ['an algorithm in lower case', 'jwt.algorithm', { ...JWT, algorithm: 'hs256' }],
    ['several algorithms', 'jwt.algorithm', { ...JWT, algorithm: ['HS256', 'RS256'] }],
    ['a secret for RS256', 'jwt.publicKey', { ...rs, secret: SECRET }],
    ['no keys for RS256', 'jwt.publicKey', rs],
    ['a public key that is none', 'jwt.publicKey', { ...rs, privateKey: RSA.privateKey, publicKey: SECRET }],
    ['an EC key for RS256', 'jwt.publicKey', { ...rs, ...EC }],
    ['an RSA key for ES256', 'jwt.publicKey', { ...hs, algorithm: 'ES256', ...RSA }],
    ['a curve of another algorithm', 'jwt.privateKey', { ...hs, algorithm: 'ES256', ...ecPair('P-384') }],
    ['an RSA key of 1024 bits', 'jwt.privateKey', { ...rs, ...rsaPair(1024) }],
    ['halves of two pairs', 'jwt.privateKey', { ...rs, privateKey: RSA.privateKey, publicKey: OTHER_RSA.publicKey }],
    ['a public key only', 'jwt.privateKey', { ...rs, publicKey: RSA.publicKey }],
    ['an empty ring', 'jwt.keys', { ...hs, keys: [] }],
    ['a ring that is none', 'jwt.keys', { ...hs, keys: { secret: SECRET } }],
    ['a ring without kids', 'jwt.keys', { ...hs, keys: [{ secret: SECRET }, { kid: '2', secret: `${SECRET}2` }] }],
    ['a ring with a kid twice', 'jwt.keys', { ...hs, keys: ['1', '1'].map((kid) => ({ kid, secret: SECRET + kid })) }],
    [
      'a weak key in a ring',
      'jwt.secret',
      {
        ...hs,
        keys: [
          { kid: '1', secret: SECRET },
          { kid: '2', secret },
        ],
      },
    ],
    ['an empty kid', 'jwt.kid', { ...JWT, kid: '' }],
    ['a tolerance of an hour', 'jwt.clockToleranceMs', { ...JWT, clockToleranceMs: 3_600_000 }],
    ['an unknown name', 'jwt', { ...JWT, expiresIn: '1h' }],
    ['a secret in place of the options', 'jwt', SECRET],
    ['nothing', 'jwt', undefined],
    ['null', 'jwt', null],
    ['true', 'jwt', true],
  ])('%s is found at start-up, names %s and tells no secret', (_what, option, given) => {
    let thrown: unknown;
    try {
      singleSession({ ...options(it_.clients.client(), it_.clients.prefix), jwt: given as JwtOptions });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OptionError);
    const { message, stack = '' } = thrown as OptionError;
    expect(message).toContain(`option "${option}" must be`);
    for (const told of [message, stack]) {
      for (const hidden of [SECRET, secret, 'x'.repeat(16), '12345678901234', 'PRIVATE KEY', 'PUBLIC KEY']) {
        expect(told).not.toContain(hidden);
      }
    }
  });

  it('32 bytes are enough, and counted as bytes', async () => {
    for (const secret of ['x'.repeat(32), 'ü'.repeat(16), Buffer.alloc(32, 1)]) {
      const sessions = here({ ...JWT, secret });
      expect(await fate(sessions, (await sessions.login('ann')).token)).toBe('live');
    }
  });
});

describe('claims', () => {
  it.each(['sub', 'sid', 'gen', 'iat', 'exp', 'nbf', 'iss', 'aud', 'jti'])(
    '%s is not the app’s to set: the login is refused before it displaces anyone',
    async (name) => {
      const sessions = here(JWT, { limit: 1 });
      const { token } = await sessions.login('ann');
      await expect(sessions.login('ann', { claims: { [name]: 'x' } })).rejects.toThrow('option "claims" must be');
      expect(await fate(sessions, token)).toBe('live');
    },
  );

  it('that no token can carry begin no session either: too large, circular, bigint, or with a name that jsonwebtoken trips over', async () => {
    const sessions = here(JWT, { limit: 1 });
    const { token } = await sessions.login('ann');
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const claims of [
      { x: 'x'.repeat(8000) },
      circular,
      { x: 1n },
      { constructor: 'x' },
      JSON.parse('{"__proto__": 1}'),
    ]) {
      await expect(sessions.login('ann', { claims })).rejects.toThrow(Error);
    }
    expect(await fate(sessions, token)).toBe('live');
    expect(await sessions.list('ann')).toHaveLength(1);
  });
});
