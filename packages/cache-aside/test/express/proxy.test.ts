import { once } from 'node:events';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { ask, get, proxyBefore, wireClient, wireOrigin } from '../fixtures/wire.ts';

const it_ = setting();

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n';
const FRESH = `${OK}Cache-Control: max-age=60\r\n\r\npage`;

const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

/** Port 1 is nobody's. */
const NOBODY = new URL('http://127.0.0.1:1');

describe('heads', () => {
  it('an answer passes as it is written: names, repeated fields, empty values and the reason phrase', async () => {
    const origin = await wireOrigin(
      'HTTP/1.1 299 Wie gew\xfcnscht\r\nx-LOWER: 1\r\nLink: </a>\r\nX-Empty:\r\nlink: </b>\r\nContent-Length: 2\r\n\r\nhi',
    );
    const answer = await ask(await proxyBefore(origin.url, it_.clients), get('/'));
    expect(answer).toMatch(/^HTTP\/1\.1 299 Wie gew\xfcnscht\r\n/);
    expect(answer).toMatch(/\r\nx-LOWER: 1\r\nLink: <\/a>\r\nLink: <\/b>\r\nX-Empty: \r\n/);
    expect(bodyOf(answer)).toBe('hi');
  });

  it('a request passes as it is written, to the path below that of the origin', async () => {
    const origin = await wireOrigin(FRESH);
    const port = await proxyBefore(new URL('/base/', origin.url), it_.clients);
    await ask(port, get('/a%2Fb/../c?x=1&x=2', 'x-LOWER: 1', 'X-Twice: a', 'X-Twice: b'));
    expect(origin.requests[0]).toMatch(
      /^GET \/base\/a%2Fb\/\.\.\/c\?x=1&x=2 HTTP\/1\.1\r\nHost: proxy\.test\r\nx-LOWER: 1\r\nX-Twice: a\r\nX-Twice: b\r\n/,
    );
  });

  it('what is about one connection stays on it, and what Connection lists with it, both ways', async () => {
    const origin = await wireOrigin(
      `${OK}Connection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nUpgrade: h2c\r\nTrailer: X-T\r\nX-End: 1\r\n\r\npage`,
    );
    const port = await proxyBefore(origin.url, it_.clients);
    const answer = await ask(
      port,
      'GET / HTTP/1.1\r\nHost: proxy.test\r\nX-Hop: 1\r\nX-End: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nKeep-Alive: 9\r\n' +
        'Proxy-Connection: close\r\nConnection: close, X-Hop, Upgrade\r\n\r\n',
    );
    for (const head of [answer, origin.requests[0] ?? '']) {
      expect(head).toContain('X-End: 1');
      expect(head).not.toMatch(/X-Hop|Upgrade|^Trailer|^TE|Proxy-Connection|timeout=9|Keep-Alive: 9/im);
    }
  });

  it('Connection takes away nothing that is meant for everybody: an answer keeps its Cache-Control, a request its length', async () => {
    const origin = await wireOrigin(
      `${OK}Connection: Cache-Control, Content-Length\r\nCache-Control: no-store\r\n\r\npage`,
    );
    const port = await proxyBefore(origin.url, it_.clients);
    const answer = await ask(
      port,
      'POST / HTTP/1.1\r\nHost: proxy.test\r\nContent-Length: 2\r\nConnection: close, content-length, host\r\n\r\nhi',
    );
    expect(answer).toContain('Cache-Control: no-store');
    expect(answer).toContain('Content-Length: 4');
    expect(origin.requests[0]).toMatch(/Host: proxy\.test\r\n(?:.*\r\n)*Content-Length: 2\r\n(?:.*\r\n)*\r\nhi$/);
  });

  it('Via says through whom a message came, behind who said so before (RFC 9110 §7.6.3)', async () => {
    const origin = await wireOrigin('HTTP/1.0 200 OK\r\nContent-Length: 0\r\nVia: 1.1 inner\r\n\r\n');
    const port = await proxyBefore(origin.url, it_.clients);
    const answer = await ask(port, get('/', 'Via: 2.0 outer'));
    expect(origin.requests[0]?.match(/^via: .*$/gim)).toEqual(['Via: 2.0 outer', 'Via: 1.1 turnpike']);
    expect(answer.match(/^via: .*$/gim)).toEqual(['Via: 1.1 inner', 'Via: 1.0 turnpike']);
  });

  it('a URL in the place of a path names the host, and counts instead of the Host field (RFC 9112 §3.2.2)', async () => {
    const origin = await wireOrigin(FRESH);
    const port = await proxyBefore(origin.url, it_.clients);
    await ask(port, 'GET http://other.test?q HTTP/1.1\r\nHost: proxy.test\r\nConnection: close\r\n\r\n');
    expect(origin.requests[0]).toMatch(/^GET \/\?q HTTP\/1\.1\r\nHost: other\.test\r\n/);
    expect(origin.requests[0]).not.toContain('proxy.test');
  });

  it('a request of HTTP/1.0 without a Host asks the host of the origin', async () => {
    const origin = await wireOrigin(FRESH);
    await ask(await proxyBefore(origin.url, it_.clients), 'GET / HTTP/1.0\r\n\r\n');
    expect(origin.requests[0]).toContain(`\r\nHost: ${origin.url.host}\r\n`);
  });
});

describe('informational answers', () => {
  it('are handed on before the answer, with their fields, and the answer is stored', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n';
    const origin = await wireOrigin(`${hints}HTTP/1.1 102 Processing\r\n\r\n${FRESH}`);
    const port = await proxyBefore(origin.url, it_.clients);
    const answer = await ask(port, get('/'));
    expect(answer).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
    await eventually(async () => expect(await ask(port, get('/'))).toMatch(/^HTTP\/1\.1 200 OK[^]*turnpike; hit/));
    expect(origin.requests).toHaveLength(1);
  });

  it('are not for HTTP/1.0', async () => {
    const origin = await wireOrigin(`HTTP/1.1 103 Early Hints\r\n\r\n${FRESH}`);
    const answer = await ask(await proxyBefore(origin.url, it_.clients), 'GET / HTTP/1.0\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('are left out where they would have to wait for the answer to an earlier request of the connection', async () => {
    const origin = await wireOrigin(
      (socket) => setTimeout(() => socket.end(FRESH), 40),
      `HTTP/1.1 103 Early Hints\r\n\r\n${FRESH}`,
    );
    const port = await proxyBefore(origin.url, it_.clients);
    const answers = await ask(port, `GET /first HTTP/1.1\r\nHost: proxy.test\r\n\r\n${get('/second')}`);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
    expect(bodyOf(answers.slice(answers.lastIndexOf('HTTP/1.1')))).toBe('page');
  });

  it('whether a body is wanted is said by the origin, and not before', async () => {
    const origin = await wireOrigin((socket) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      socket.on('data', (bytes) => void (bytes.toString().includes('body') && socket.end(FRESH)));
    }, 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n');
    const port = await proxyBefore(origin.url, it_.clients);
    const head =
      'PUT / HTTP/1.1\r\nHost: proxy.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n';
    const willing = await wireClient(port, head);
    await willing.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    willing.socket.write('body');
    expect((await willing.closed).text).toMatch(/100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(await ask(port, head)).toMatch(/^HTTP\/1\.1 417/);
  });
});

describe('bodies', () => {
  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "a"\r\n\r\n'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'],
  ])('%s has none of %j', async (method, head) => {
    const origin = await wireOrigin(head);
    const port = await proxyBefore(origin.url, it_.clients);
    const answer = await ask(port, get('/').replace('GET', method));
    expect(answer.split('\r\n')[0]).toBe(head.split('\r\n')[0]);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
    expect(answer).not.toMatch(/transfer-encoding/i);
    if (method === 'HEAD') expect(answer).toContain('Content-Length: 4');
  });

  it('chunks come as they are sent, with the trailers, for those who take them', async () => {
    const chunked =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nConnection: a\r\n\r\n';
    const origin = await wireOrigin(chunked);
    const port = await proxyBefore(origin.url, it_.clients);
    expect(bodyOf(await ask(port, get('/', 'TE: trailers')))).toBe('3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n');
    expect(bodyOf(await ask(port, get('/other')))).toBe('3\r\nabc\r\n0\r\n\r\n');
  });

  it('a coding that nobody knows is none: its body ends with the connection (RFC 9112 §6.3)', async () => {
    const origin = await wireOrigin('HTTP/1.1 200 OK\r\nTransfer-Encoding: qqq\r\n\r\npage');
    const answer = await ask(await proxyBefore(origin.url, it_.clients), get('/'));
    expect(answer).not.toContain('qqq');
    expect(bodyOf(answer)).toBe('4\r\npage\r\n0\r\n\r\n');
  });

  it('an upload in chunks keeps its form and its trailers, one of a length its length', async () => {
    const origin = await wireOrigin((socket) => setTimeout(() => socket.end(FRESH), 20));
    const port = await proxyBefore(origin.url, it_.clients);
    await ask(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
    );
    expect(origin.requests[0]).toMatch(/Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n$/);
  });

  it('an origin is read no faster than its client reads', async () => {
    let written = 0;
    const origin = await wireOrigin((socket) => {
      const chunk = Buffer.alloc(65_536, 'a');
      const more = (): void => {
        while (written < 200e6 && !socket.destroyed) {
          written += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', more);
        }
      };
      socket.write('HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 200000000\r\n\r\n');
      more();
    });
    const client = await wireClient(await proxyBefore(origin.url, it_.clients), get('/'));
    await client.until(/\r\n\r\na/);
    client.socket.pause();
    await eventually(async () => {
      const before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(written).toBe(before);
    });
    expect(written).toBeLessThan(100e6);
    client.socket.destroy();
  });

  it('what a client no longer waits for is not fetched on, and what it uploads by half is not completed', async () => {
    const closed: Promise<unknown>[] = [];
    const origin = await wireOrigin(
      (socket) => {
        closed.push(once(socket, 'close'));
        socket.write('HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 9\r\n\r\npage');
      },
      (socket) => void closed.push(once(socket, 'close')),
    );
    const port = await proxyBefore(origin.url, it_.clients);
    const download = await wireClient(port, get('/'));
    await download.until(/page/);
    download.socket.destroy();
    const upload = await wireClient(
      port,
      'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    );
    await eventually(() => expect(origin.requests[1]).toContain('abc'));
    upload.socket.destroy();
    await Promise.all(closed);
    expect(origin.requests[1]).not.toMatch(/0\r\n\r\n$/);
  });
});

describe('an origin that fails', () => {
  it('refuses: 502; says nothing, or too slowly: 504; and nothing of it is stored', async () => {
    const drip = await wireOrigin((socket) => {
      const timer = setInterval(() => socket.write('X'), 10);
      socket.write('HTTP/1.1 200 OK\r\nX-Long: ');
      socket.once('close', () => clearInterval(timer));
    });
    const silent = await wireOrigin(() => undefined);
    const status = async (url: URL): Promise<string> => {
      const port = await proxyBefore(url, it_.clients, { timeoutMs: 150 });
      return (await ask(port, get('/'))).slice(0, 12);
    };
    expect(await status(NOBODY)).toBe('HTTP/1.1 502');
    expect(await status(silent.url)).toBe('HTTP/1.1 504');
    expect(await status(drip.url)).toBe('HTTP/1.1 504');
  });

  it('falls silent within a body: the connection breaks', async () => {
    const origin = await wireOrigin((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npage'));
    const port = await proxyBefore(origin.url, it_.clients, { timeoutMs: 100 });
    expect(bodyOf(await ask(port, get('/')))).toBe('page');
  });

  it('is stood in for by a page that it has allowed to be stale, and by none that it has not', async () => {
    const page = (control: string): string => `${OK}Cache-Control: ${control}\r\n\r\npage`;
    const origin = await wireOrigin(
      page('s-maxage=0, stale-while-revalidate=1, stale-if-error=60'),
      page('max-age=0'),
      (socket) => socket.destroy(),
    );
    const port = await proxyBefore(origin.url, it_.clients);
    await ask(port, get('/allowed'));
    await ask(port, get('/not'));
    await eventually(async () => expect(await ask(port, get('/allowed'))).toMatch(/^HTTP\/1\.1 200 [^]*hit; ttl=-/));
    expect(await ask(port, get('/not'))).toMatch(/^HTTP\/1\.1 502/);
  });
});
