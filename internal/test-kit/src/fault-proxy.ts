import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { freePort } from './free-port.ts';
import { isHandshake } from './handshake.ts';
import { joinConnections, type Loss, type ProxiedConnection, type Travel } from './proxied-connection.ts';

/** A network between a client and a Redis, with the faults of networks. It begins without any. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Connections from clients that are open now. */
  readonly connections: number;
  /** No fault from now on: connections are accepted, and what was kept or delayed is delivered, in order. */
  pass(): void;
  /** Connections are cut, and new ones refused (ECONNREFUSED), until another mode is set. */
  refuse(): void;
  /** Connections are accepted and kept, and nothing comes through either way. `pass` delivers what was sent meanwhile. */
  blackhole(): void;
  /** What is sent from now on, or is on its way, arrives that many ms after it was sent, in order. A number is both ways. */
  delay(ms: number | { request?: number; reply?: number }): void;
  /** Cuts the connections there are; what was on its way is lost. New ones are accepted, in the mode there was. */
  cut(): void;
  /** Cuts the connections there are; new ones go to `target`: a failover behind one address. */
  redirect(target: { host: string; port: number }): void;
  /**
   * Has the server run the next command that matches, and its client never hear of it: exactly its reply is swallowed,
   * then its connection cut. Commands sent behind it on the same connection may have run too.
   *
   * Resolves to the command when that has happened; rejects if the proxy is closed before. Not for a connection that
   * subscribes or monitors.
   *
   * @default match: any command but the handshakes of connections, see `isHandshake`
   */
  dropNextReply(match?: (command: string[]) => boolean): Promise<string[]>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Drop {
  readonly match: (command: string[]) => boolean;
  readonly done: (command: string[]) => void;
  readonly failed: (error: Error) => void;
}

const HOST = '127.0.0.1';

/** Puts a proxy before `target`, on a free port of 127.0.0.1. */
export async function faultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  let behind = target;
  const open = new Set<ProxiedConnection>();
  const drops = new Set<Drop>();
  const travel: Travel = { requestMs: 0, replyMs: 0 };
  let listening: Server | undefined;

  function lossFor(command: string[]): Loss | undefined {
    const drop = [...drops].find(({ match }) => match(command));
    if (drop === undefined) return undefined;
    drops.delete(drop);
    return { happened: () => drop.done(command), missed: () => drops.add(drop) };
  }

  const createListener = (): Server =>
    createServer({ allowHalfOpen: true }, (client) => {
      const server = connect({ host: behind.host, port: behind.port, allowHalfOpen: true });
      const connection = joinConnections(client, server, travel, lossFor, () => open.delete(connection));
      open.add(connection);
    });

  async function listenSomewhere(): Promise<number> {
    const listener = createListener();
    const port = await freePort();
    try {
      await once(listener.listen(port, HOST), 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return listenSomewhere();
      throw error;
    }
    listening = listener;
    return port;
  }

  const port = await listenSomewhere();

  function accept(): void {
    if (listening !== undefined) return;
    const listener = createListener();
    listening = listener;
    // Another process may have picked the port while nobody listened on it, to see whether it is free.
    listener.on('error', () => setTimeout(() => listening === listener && listener.listen(port, HOST), 20));
    listener.listen(port, HOST);
  }

  function cut(): void {
    for (const connection of open) connection.cut();
  }

  function refuse(): void {
    listening?.close();
    listening = undefined;
    cut();
  }

  function travelling(requestMs: number, replyMs: number): void {
    Object.assign(travel, { requestMs, replyMs });
    accept();
    for (const connection of open) connection.flow();
  }

  function dropNextReply(match: Drop['match'] = (command) => !isHandshake(command)): Promise<string[]> {
    const dropped = new Promise<string[]>((done, failed) => drops.add({ match, done, failed }));
    // Whoever does not wait for it does not mind.
    dropped.catch(() => undefined);
    return dropped;
  }

  async function close(): Promise<void> {
    refuse();
    for (const { failed } of drops) failed(new Error('faultProxy: closed before there was a reply to drop'));
    drops.clear();
  }

  return {
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    get connections() {
      return open.size;
    },
    pass: () => travelling(0, 0),
    refuse,
    blackhole: () => travelling(Infinity, Infinity),
    delay: (ms) => (typeof ms === 'number' ? travelling(ms, ms) : travelling(ms.request ?? 0, ms.reply ?? 0)),
    cut,
    redirect(target) {
      behind = target;
      cut();
    },
    dropNextReply,
    close,
    [Symbol.asyncDispose]: close,
  };
}
