import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { HttpResponse } from '@turnpike/core';
import { describe, expect, it } from 'vitest';
import { CREDENTIALS } from './credentials.ts';
import { watchPersonalReads } from './personal-reads.ts';

/** A request, as loosely as handlers see it. */
type Request = IncomingMessage & Record<string, any>;
type Handler = (req: Request, res: HttpResponse) => unknown;

const request = (more: object = {}, headers: Record<string, string> = {}): Request =>
  Object.assign(new IncomingMessage(new Socket()), { headers: { host: 'a', ...headers } }, more) as Request;

/** With a property as it is, not as `Object.assign` would copy it. */
const defined = (name: string, descriptor: PropertyDescriptor): Request =>
  Object.defineProperty(request(), name, descriptor);

/** With a property of the class that its framework makes requests of. */
const inherited = (name: string, descriptor: PropertyDescriptor): Request => {
  const req = request();
  return Object.setPrototypeOf(req, Object.defineProperty(Object.create(IncomingMessage.prototype), name, descriptor));
};

const responseTo = (req: Request, locals?: object): HttpResponse =>
  Object.assign(new ServerResponse(req), locals && { locals });

const watched = (req: Request, res = responseTo(req)) => watchPersonalReads(req, res);

/** What a handler is seen to read. */
function seenOf(req: Request, handler: Handler, res = responseTo(req)): string | undefined {
  const reads = watched(req, res);
  handler(req, res);
  reads.stop();
  return reads.seen;
}

const ANN = { name: 'ann' };

/** As cookie-session does it: made when it is first asked for. */
function lazySession(): PropertyDescriptor & { made: unknown[] } {
  let session: unknown;
  const made: unknown[] = [];
  return {
    made,
    configurable: true,
    enumerable: true,
    get() {
      if (session === undefined) made.push((session = { isNew: true }));
      return session;
    },
    set(value: unknown) {
      session = value;
    },
  };
}

describe('a handler is seen to read', () => {
  it.each<[what: string, req: Request, handler: Handler, seen: string]>([
    ['the user', request({ user: ANN }), (req) => req['user'], 'req.user'],
    ['a user that is not there', request(), (req) => req['user'], 'req.user'],
    ['something of the session', request({ session: { cart: 1 } }), (req) => req['session'].cart, 'req.session'],
    ['the cookies', request({ cookies: {} }), (req) => req['cookies'].sid, 'req.cookies'],
    ['the signed cookies', request({ signedCookies: {} }), (req) => req['signedCookies'].sid, 'req.signedCookies'],
    ['a user, by taking the request apart', request({ user: ANN }), ({ user }) => user, 'req.user'],
    ['a user, by reflection', request({ user: ANN }), (req) => Reflect.get(req, 'user'), 'req.user'],
    ['a user, with all that a request has', request({ user: ANN }), (req) => Object.assign({}, req), 'req.user'],
    ['a user, in a method', request({ user: ANN, isIn }), (req) => req['isIn'](), 'req.user'],
    ['a user of its class', inherited('user', { get: () => ANN }), (req) => req['user'], 'req.user'],
    ['a session that is made for it', defined('session', lazySession()), (req) => req['session'], 'req.session'],
    ['all headers', request({}, { cookie: 'a=1' }), (req) => ({ ...req.headers }), 'req.headers.cookie'],
    [
      'all headers, as JSON',
      request({}, { cookie: 'a=1' }),
      (req) => JSON.stringify(req.headers),
      'req.headers.cookie',
    ],
    ['a header that is not there', request(), (req) => req.headers.cookie, 'req.headers.cookie'],
    ['what it has written', request(), (req) => (req['user'] = ANN) && req['user'], 'req.user'],
    ['two things: the first', request(), (req) => [req['session'], req['user']], 'req.session'],
    // What cannot be watched is taken for read: nobody can tell.
    ['what is fixed', defined('session', { value: ANN }), (req) => req['session'], 'req.session'],
    ['what is fixed, and made for it', defined('session', { get: () => ANN }), (req) => req['session'], 'req.session'],
    ['a frozen header', frozenHeaders({ cookie: 'a=1' }), (req) => req.headers.cookie, 'req.headers.cookie'],
  ])('%s', (_what, req, handler, seen) => {
    expect(seenOf(req, handler)).toBe(seen);
  });

  it.each(['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'api-key', 'x-auth-token', 'x-access-token'])(
    'the header %s',
    (name) => {
      expect(CREDENTIALS).toContain(name);
      const seen = seenOf(request({}, { [name]: 'a' }), (req) => req.headers[name]);
      expect(seen).toBe(`req.headers.${name}`);
    },
  );

  it.each(['user', 'session'])('res.locals.%s', (name) => {
    const req = request();
    const of = (locals: object | undefined): string | undefined =>
      seenOf(req, (_req, res) => res.locals?.[name], responseTo(req, locals));
    expect(of({ [name]: ANN })).toBe(`res.locals.${name}`);
    expect(of({})).toBeUndefined();
    expect(of(undefined)).toBeUndefined();
  });

  function isIn(this: Request): boolean {
    return Boolean(this['user']);
  }

  function frozenHeaders(headers: Record<string, string>): Request {
    const req = request({}, headers);
    Object.freeze(req.headers);
    return req;
  }
});

describe('a handler is not seen to read', () => {
  it.each<[what: string, handler: Handler]>([
    ['what everybody may see', (req) => [req.url, req.method, req.headers.host, req['query'], req['params']]],
    ['what it only writes', (req) => (req['user'] = ANN)],
    ['what it deletes', (req) => delete req['session']],
    ['which names a request has', (req) => [Object.keys(req), Object.keys(req.headers)]],
    ['all headers, where none says who asks', (req) => ({ ...req.headers })],
  ])('%s', (_what, handler) => {
    expect(seenOf(request({ user: ANN, session: {} }), handler)).toBeUndefined();
  });

  it('what others read outside, also where they are called while it runs', () => {
    const req = request({ user: ANN });
    const reads = watched(req);
    const outside = (): unknown => reads.unwatched(() => req['user']);
    expect(outside()).toBe(ANN);
    expect(reads.unwatched(() => [outside(), req['user']])).toEqual([ANN, ANN]);
    expect(() => reads.unwatched(() => JSON.parse('{'))).toThrow(SyntaxError);
    expect(reads.seen).toBeUndefined();
    expect(req['user']).toBe(ANN);
    expect(reads.seen).toBe('req.user');
  });

  it('what is read when it is over', () => {
    const req = request({ user: ANN });
    const reads = watched(req);
    reads.stop();
    reads.stop();
    expect(req['user']).toBe(ANN);
    expect(reads.seen).toBeUndefined();
  });
});

/** What those find that come after a handler. */
const found = (req: Request) => ({
  isThere: 'session' in req,
  isListed: Object.keys(req).includes('session'),
  session: req['session'] as unknown,
});

describe('what is read and written stays as it is', () => {
  const sessions: [what: string, make: () => Request][] = [
    ['is none', () => request()],
    ['is a value', () => request({ session: ANN })],
    ['is undefined', () => request({ session: undefined })],
    ['is made for it', () => defined('session', lazySession())],
    ['can only be read', () => defined('session', { get: () => ANN, configurable: true })],
    ['is fixed', () => defined('session', { value: ANN })],
    ['is its class’s', () => inherited('session', { value: ANN, writable: true, configurable: true })],
    ['is made by its class', () => inherited('session', lazySession())],
  ];
  const acts: [what: string, act: (req: Request) => unknown][] = [
    ['does nothing with it', () => undefined],
    ['reads it', (req) => req['session'] as unknown],
    ['writes it', (req) => Reflect.set(req, 'session', { name: 'bob' })],
    ['writes null', (req) => Reflect.set(req, 'session', null)],
    ['deletes it', (req) => Reflect.deleteProperty(req, 'session')],
    ['deletes and writes it', (req) => Reflect.deleteProperty(req, 'session') && Reflect.set(req, 'session', 'new')],
  ];
  const cases = sessions.flatMap(([what, make]) => acts.map(([done, act]) => [what, done, make, act] as const));

  it.each(cases)('a session that %s, whose handler %s', (_what, _done, make, act) => {
    const [plain, seen] = [make(), make()];
    const reads = watched(seen);
    const inside = [plain, seen].map((req) => [act(req), req['session'] as unknown]);
    reads.stop();
    expect(inside[1]).toEqual(inside[0]);
    expect(found(seen)).toEqual(found(plain));
  });

  it.each<[what: string, act: (headers: Request['headers']) => unknown]>([
    ['reads', ({ cookie, authorization }) => [cookie, authorization]],
    ['writes over', (headers) => (headers.cookie = 'b=2')],
    ['adds', (headers) => (headers.authorization = 'Bearer x')],
    ['deletes', (headers) => delete headers.cookie],
  ])('headers that a handler %s', (_what, act) => {
    const [plain, seen] = [request({}, { cookie: 'a=1' }), request({}, { cookie: 'a=1' })];
    act(plain.headers);
    seenOf(seen, (req) => act(req.headers));
    expect(seen.headers).toEqual(plain.headers);
    expect('cookie' in seen.headers).toBe('cookie' in plain.headers);
  });

  it('also of a session that its handler destroys: it does not come back (express-session)', () => {
    const req = request({ session: { id: 'a' } });
    const reads = watched(req);
    delete req['session'];
    reads.stop();
    expect('session' in req).toBe(false);
  });

  it('also where nothing can be added to the headers', () => {
    const req = request();
    Object.preventExtensions(req.headers);
    expect(seenOf(req, () => undefined)).toBeUndefined();
  });

  it('a session is not made by being watched', () => {
    const session = lazySession();
    const req = defined('session', session);
    watched(req).stop();
    expect(session.made).toEqual([]);
    expect(Object.getOwnPropertyDescriptor(req, 'session')?.get).toBe(session.get);
  });

  it('a getter and a setter have their request for this', () => {
    const heard: unknown[] = [];
    const req = defined('session', {
      configurable: true,
      get(this: unknown) {
        heard.push(this);
        return 1;
      },
      set(this: unknown, value: unknown) {
        heard.push(this, value);
      },
    });
    const reads = watched(req);
    req['session'] = 2;
    expect(req['session']).toBe(1);
    reads.stop();
    expect(heard).toEqual([req, 2, req]);
  });
});
