import { type IncomingMessage, type RequestListener, type ServerResponse, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type Ended, onEnd } from './on-end.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** How a handler's response ended, and what the client got. */
async function endOf(
  handler: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<{ ended: Ended[]; body: string }> {
  const ended: Ended[] = [];
  const port = await serve((req, res) => {
    onEnd(res, (end) => ended.push(end));
    handler(req, res);
  });
  const body = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  return { ended, body };
}

describe('the end of a response', () => {
  it.each<[string, (req: IncomingMessage, res: ServerResponse) => void, number, string]>([
    ['end(text)', (_req, res) => res.end('done'), 200, 'done'],
    ['writeHead and end', (_req, res) => res.writeHead(403, { 'X-Why': 'no' }).end('no'), 403, 'no'],
    ['write, write, end', (_req, res) => void (res.write('a'), res.write('b'), res.end('c')), 200, 'abc'],
    ['end(callback)', (_req, res) => void ((res.statusCode = 204), res.end(() => undefined)), 204, ''],
    ['a second end', (_req, res) => void (res.end('one'), res.end()), 200, 'one'],
  ])('is told once, with its status: %s', async (_name, handler, status, body) => {
    expect(await endOf(handler)).toEqual({ ended: [{ status, aborted: false }], body });
  });

  it('is told to all who listen, in their order, through one hook', async () => {
    const order: number[] = [];
    const port = await serve((_req, res) => {
      for (const n of [1, 2, 3]) onEnd(res, () => order.push(n));
      res.end();
    });
    await fetch(`http://127.0.0.1:${port}/`);
    expect(order).toEqual([1, 2, 3]);
  });

  it('is told as aborted when the client hung up first and the handler answered all the same', async () => {
    const ended = new Promise<Ended>((resolve) => {
      void serve((_req, res) => {
        onEnd(res, resolve);
        res.once('close', () => res.writeHead(201).end('nobody reads this'));
        started();
      }).then((port) => {
        const req = request({ port, host: '127.0.0.1' }).on('error', () => undefined);
        req.end();
        void handling.then(() => req.destroy());
      });
    });
    let started = (): void => undefined;
    const handling = new Promise<void>((resolve) => {
      started = resolve;
    });
    expect(await ended).toEqual({ status: 201, aborted: true });
  });

  it('never comes when the handler never ends it', async () => {
    let calls = 0;
    const port = await serve((_req, res) => {
      onEnd(res, () => (calls += 1));
      res.write('and then nothing');
      res.destroy();
    });
    await expect(fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text())).rejects.toThrow();
    expect(calls).toBe(0);
  });
});
