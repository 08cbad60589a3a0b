import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { PROFILE_NAMES } from '../fixtures/reverse-proxy.ts';
import { ask, get, proxyBefore, wireClient, wireOrigin } from '../fixtures/wire.ts';

const it_ = setting();

const FRESH = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=60\r\n\r\npage';
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=60\r\n\r\nevil';

const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

/** What the first answer left for others: the origin behaves from the second connection on. */
async function afterwards(port: number, path: string): Promise<string> {
  const answer = await ask(port, get(path));
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  return bodyOf(answer);
}

describe.each(PROFILE_NAMES)('the profile %s', (profile) => {
  const portBefore = (origin: URL): Promise<number> => proxyBefore(origin, it_.clients, { profile, timeoutMs: 2000 });

  describe('what is no answer is a 502, and is not stored', () => {
    const head = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n';
    it.each([
      ['garbage', 'SSH-2.0-OpenSSH\r\n\r\n'],
      ['nothing at all', ''],
      ['half a head', head],
      ['a status of four digits', head.replace('200', '2000') + '\r\n'],
      ['a status below 100', head.replace('200', '099') + '\r\n'],
      ['another protocol that nobody asked for', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
      ['a length and chunks', `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n`],
      ['chunks and a length', `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\nevil\r\n0\r\n\r\n`],
      ['two lengths', `${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nevil`],
      ['a length that is none', `${head}Content-Length: +4\r\n\r\nevil`],
      ['a negative length', `${head}Content-Length: -4\r\n\r\nevil`],
      ['a coding that is not undone here', `${head}Transfer-Encoding: gzip\r\n\r\nevil`],
      ['a coding below the chunks', `${head}Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n`],
      ['a coding above the chunks', `${head}Transfer-Encoding: chunked, gzip\r\n\r\n4\r\nevil\r\n0\r\n\r\n`],
      ['a space before the colon', `${head}Content-Length : 4\r\n\r\nevil`],
      ['a line without a name', `${head}: x\r\nContent-Length: 4\r\n\r\nevil`],
      ['a NUL in a value', `${head}X-Nul: a\0b\r\nContent-Length: 4\r\n\r\nevil`],
      ['a control character in the reason', `HTTP/1.1 200 O\x01K\r\nContent-Length: 4\r\n\r\nevil`],
      ['a bare CR in a value', `${head}X-Cr: a\rSet-Cookie: b\r\nContent-Length: 4\r\n\r\nevil`],
      ['a head without end', `${head}X-Long: ${'a'.repeat(40_000)}\r\nContent-Length: 4\r\n\r\nevil`],
    ])('%s', async (_what, answer) => {
      const origin = await wireOrigin(answer, FRESH);
      const port = await portBefore(origin.url);
      const failed = await ask(port, get('/'));
      expect(failed).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[^]*\r\n\r\n[a-z_]+\n$/);
      expect(failed).not.toContain('evil');
      expect(await afterwards(port, '/')).toBe('page');
    });
  });

  describe('an answer that breaks off breaks off for its client, and is not stored', () => {
    it.each([
      ['short of its length', 'Content-Length: 9\r\n\r\npage', 'end'],
      ['short of its length, by a reset', 'Content-Length: 9\r\n\r\npage', 'reset'],
      ['without a last chunk', 'Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\n', 'end'],
      ['within a chunk', 'Transfer-Encoding: chunked\r\n\r\n9\r\npage', 'end'],
      ['with a chunk whose length is none', 'Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\nXX\r\n', 'end'],
      ['within the trailers', 'Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\nX-A: 1\r\n', 'end'],
      ['by a reset, where only the end says that it is whole', '\r\npage', 'reset'],
    ] as const)('%s', async (_what, rest, how) => {
      const origin = await wireOrigin((socket) => {
        const answer = `HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n${rest}`;
        if (how === 'end') socket.end(answer);
        else socket.write(answer, () => setTimeout(() => socket.resetAndDestroy(), 20));
      }, FRESH);
      const port = await portBefore(origin.url);
      const broken = await ask(port, get('/'));
      expect(broken).toMatch(/^HTTP\/1\.1 200 OK\r\n|^$/);
      // Neither the length it said nor the last chunk.
      if (/^content-length: 9/im.test(broken)) expect(bodyOf(broken).length).toBeLessThan(9);
      else expect(broken).not.toMatch(/\r\n0\r\n\r\n$/);
      expect(await afterwards(port, '/')).toBe('page');
    });

    it('in the background, where it takes no page’s place', async () => {
      const stale =
        'HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-while-revalidate=60\r\nContent-Length: 4\r\n\r\n';
      const origin = await wireOrigin(`${stale}late`, `${stale}pa`, FRESH);
      const port = await portBefore(origin.url);
      const bodies = new Set<string>();
      await eventually(async () => {
        const body = bodyOf(await ask(port, get('/')));
        bodies.add(body);
        expect(body).toBe('page');
      });
      expect([...bodies]).toEqual(['late', 'page']);
      expect(origin.requests).toHaveLength(3);
    });

    it('to HTTP/1.0, where the end of the connection is the end of the body, by a reset', async () => {
      const origin = await wireOrigin('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n');
      const port = await portBefore(origin.url);
      const client = await wireClient(port, 'GET / HTTP/1.0\r\nHost: proxy.test\r\n\r\n');
      expect((await client.closed).wasReset).toBe(true);
    });
  });

  describe('what comes after an answer is nobody’s', () => {
    const head = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n';
    it.each([
      ['another answer behind a length', `${head}Content-Length: 4\r\n\r\npage${EVIL}`, 'GET', 'page'],
      ['garbage behind a length', `${head}Content-Length: 4\r\n\r\npage\r\n\r\n\0garbage`, 'GET', 'page'],
      [
        'another answer behind the last chunk',
        `${head}Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n${EVIL}`,
        'GET',
        '4\r\npage\r\n0\r\n\r\n',
      ],
      ['a body behind a HEAD', `${head}Content-Length: 4\r\n\r\nevil`, 'HEAD', ''],
      ['a body behind a 204', `${head.replace('200 OK', '204 No Content')}\r\nevil`, 'GET', ''],
      ['a body behind a 304', `${head.replace('200 OK', '304 Not Modified')}\r\n${EVIL}`, 'GET', ''],
    ])('%s', async (_what, answer, method, body) => {
      const origin = await wireOrigin(answer, FRESH);
      const port = await portBefore(origin.url);
      const own = await ask(port, get('/').replace('GET', method));
      expect(bodyOf(own)).toBe(body);
      const others = await Promise.all(['/other', '/another'].map((path) => ask(port, get(path))));
      expect(others.map(bodyOf)).toEqual(['page', 'page']);
      expect(await ask(port, get('/'))).not.toMatch(/evil|garbage/);
    });

    it('late bytes on a connection that has answered reach no later request', async () => {
      const origin = await wireOrigin((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\npage');
        const timer = setInterval(() => socket.write(EVIL), 1);
        socket.once('close', () => clearInterval(timer));
      }, FRESH);
      const port = await portBefore(origin.url);
      const bodies: string[] = [];
      for (const path of ['/a', '/b', '/c', '/d']) bodies.push(bodyOf(await ask(port, get(path))));
      expect(bodies).toEqual(['page', 'page', 'page', 'page']);
    });
  });

  describe('a request that could be read as two', () => {
    const smuggled = 'GET /evil HTTP/1.1\r\nHost: proxy.test\r\n\r\n';
    const post = (...fields: string[]): string =>
      ['POST / HTTP/1.1', 'Host: proxy.test', ...fields, '', '0\r\n\r\n'].join('\r\n') + smuggled;

    it.each([
      ['a length and chunks', post('Content-Length: 5', 'Transfer-Encoding: chunked')],
      ['two lengths', post('Content-Length: 5', 'Content-Length: 50')],
      ['a coding before chunked', post('Transfer-Encoding: gzip, chunked', 'Connection: close')],
      ['a coding behind chunked', post('Transfer-Encoding: chunked, gzip')],
      ['a space before the colon', post('Transfer-Encoding : chunked')],
      ['a folded coding', post('Transfer-Encoding:\r\n chunked', 'Content-Length: 5')],
      ['a bare LF between fields', post('X: a\nTransfer-Encoding: chunked', 'Content-Length: 5')],
    ])('%s is refused', async (_what, request) => {
      const origin = await wireOrigin(FRESH);
      const answer = await ask(await portBefore(origin.url), request);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(origin.requests.join()).not.toContain('/evil');
    });

    it('a body that Connection would take the length of is sent with it', async () => {
      const origin = await wireOrigin(FRESH);
      const port = await portBefore(origin.url);
      await ask(
        port,
        `GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Content-Length, Transfer-Encoding\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      );
      expect(origin.requests).toHaveLength(1);
      expect(origin.requests[0]).toContain(`Content-Length: ${smuggled.length}\r\n`);
    });
  });

  describe('many fields', () => {
    const many = 'a:\r\n'.repeat(3000);

    it('of a request hide no length of its body', async () => {
      const origin = await wireOrigin(FRESH);
      const port = await portBefore(origin.url);
      const smuggled = 'GET /evil HTTP/1.1\r\nHost: proxy.test\r\n\r\n';
      await ask(
        port,
        `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${many}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      );
      expect(origin.requests[0]).toContain(`Content-Length: ${smuggled.length}\r\n`);
    });

    it('of an answer hide no Cache-Control behind them', async () => {
      const origin = await wireOrigin(
        `HTTP/1.1 200 OK\r\nContent-Length: 4\r\nExpires: Fri, 01 Jan 2038 00:00:00 GMT\r\n${many}Cache-Control: private\r\n\r\nevil`,
        FRESH,
      );
      const port = await portBefore(origin.url);
      await ask(port, get('/'));
      expect(await afterwards(port, '/')).toBe('page');
    });
  });

  describe('a page is its own client’s', () => {
    it('a language that Connection takes away is not the one of the page', async () => {
      const origin = await wireOrigin((socket, request) => {
        const language = /^accept-language: (.*)$/im.exec(request)?.[1]?.trim() ?? 'none';
        socket.end(
          `HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: Accept-Language\r\nContent-Length: ${language.length}\r\n\r\n${language}`,
        );
      });
      const port = await portBefore(origin.url);
      const poison =
        'GET / HTTP/1.1\r\nHost: proxy.test\r\nAccept-Language: de\r\nConnection: close, Accept-Language\r\n\r\n';
      await eventually(async () => expect(await ask(port, poison)).toMatch(/turnpike; hit/));
      expect(bodyOf(await ask(port, get('/', 'Accept-Language: de')))).toBe('de');
    });

    it('at random between clients over few connections, each gets the answer to what it has asked', async () => {
      const origin = await wireOrigin((socket, request) => {
        const path = /^GET (\S+)/.exec(request)?.[1] ?? '';
        const control = path.includes('fresh') ? 'max-age=60' : 'no-store';
        setTimeout(
          () =>
            socket.end(
              `HTTP/1.1 200 OK\r\nCache-Control: ${control}\r\nContent-Length: ${path.length}\r\n\r\n${path}${EVIL}`,
            ),
          Math.random() * 10,
        );
      });
      const port = await portBefore(origin.url);
      const paths = Array.from({ length: 120 }, (_, n) => `/${n % 2 === 0 ? 'fresh' : 'own'}/${n % 17}`);
      const answers = await Promise.all(paths.map((path) => ask(port, get(path))));
      expect(answers.map(bodyOf)).toEqual(paths);
    });
  });
});
