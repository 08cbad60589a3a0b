import { AsyncResource } from 'node:async_hooks';
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** A request that no client has sent, and the response that none receives. */
export interface Detached {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Breaks the connection that there is not, as a client does that hangs up. */
  hangUp(): void;
}

/** Nobody is at the other end: what is written is gone. */
class NoClient extends Duplex {
  override _read(): void {
    // nothing will come
  }
  override _write(_chunk: unknown, _encoding: string, callback: () => void): void {
    callback();
  }
  /** As a socket's. */
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  destroySoon(): void {
    this.destroy();
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

const OF_SOCKET = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort', 'encrypted'] as const;

/** A GET of the same URL, from the same address, and with these headers only. */
export function detachedFrom(from: IncomingMessage, url: string, names: readonly string[]): Detached {
  const socket = new NoClient();
  for (const name of OF_SOCKET) {
    const value = (from.socket as unknown as Record<string, unknown>)[name];
    Object.defineProperty(socket, name, { value, configurable: true, enumerable: true });
  }
  socket.on('error', () => undefined);

  const req = new IncomingMessage(socket as unknown as Socket);
  const headers = names.flatMap((name) =>
    from.headers[name] === undefined ? [] : [[name, from.headers[name]] as const],
  );
  Object.assign(req, {
    method: 'GET',
    url,
    httpVersion: '1.1',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    headers: Object.fromEntries(headers),
    headersDistinct: Object.fromEntries(headers.map(([name, value]) => [name, [value].flat()])),
    rawHeaders: headers.flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one])),
    complete: true,
  });
  req.on('error', () => undefined);
  req.push(null);

  const res = new ServerResponse(req);
  res.on('error', () => undefined);
  res.assignSocket(socket as unknown as Socket);
  // As a server does it.
  socket.on('drain', () => res.emit('drain'));
  return {
    req,
    res,
    hangUp() {
      // As Node does it when a socket closes.
      req.destroy();
      res.destroy();
      socket.destroy();
    },
  };
}

/** Runs things outside of every request: what an app keeps in an AsyncLocalStorage is one request's. */
export function outsideOfRequests(): (call: () => void) => void {
  const outside = new AsyncResource('turnpike.refresh');
  return (call) => outside.runInAsyncScope(call);
}
