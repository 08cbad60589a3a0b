import type { Socket } from 'node:net';
import { createLane } from './lane.ts';
import { createFrameReader } from './resp-frames.ts';

/** How long requests and replies travel, in ms; Infinity: they are kept until that changes. */
export interface Travel {
  requestMs: number;
  replyMs: number;
}

/** The loss of one reply, for whoever asked for it. */
export interface Loss {
  /** The reply came, was swallowed, and the connection is cut. */
  happened(): void;
  /** The connection ended before the reply came. */
  missed(): void;
}

export interface ProxiedConnection {
  /** To be called when the travel has changed. */
  flow(): void;
  /** Ends both sides at once; what is on its way is lost. */
  cut(): void;
}

// From here on replies are no longer one for each command, so none can be told to belong to a command.
const BREAKS_THE_COUNT = new Set(['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE', 'MONITOR', 'PSYNC', 'SYNC']);

/**
 * Joins a client to its server. `onCommand` sees each command on its way to the server, and may answer with the loss that
 * its reply shall suffer: the replies before it are delivered, it is swallowed when it has come whole, so the server has
 * run the command, and the connection ends.
 */
export function joinConnections(
  client: Socket,
  server: Socket,
  travel: Travel,
  onCommand: (command: string[]) => Loss | undefined,
  onEnd: () => void,
): ProxiedConnection {
  const requests = createFrameReader();
  const replies = createFrameReader();
  const toServer = createLane(server, () => travel.requestMs);
  const toClient = createLane(client, () => travel.replyMs);
  let asked = 0;
  let answered = 0;
  let isCounted = true;
  let losing: { reply: number; loss: Loss } | undefined;

  client.on('data', (chunk: Buffer) => {
    for (const { bulks } of requests.read(chunk)) {
      const command = bulks.map(String);
      asked += 1;
      if (BREAKS_THE_COUNT.has((command[0] ?? '').toUpperCase())) isCounted = false;
      const loss = isCounted && losing === undefined ? onCommand(command) : undefined;
      if (loss !== undefined) losing = { reply: asked, loss };
    }
    toServer.push(chunk);
  });

  server.on('data', (chunk: Buffer) => {
    let delivered = losing?.reply === answered + 1 ? 0 : chunk.length;
    for (const { type, end } of isCounted ? replies.read(chunk) : []) {
      if (type === '>') continue;
      answered += 1;
      if (losing?.reply === answered + 1) delivered = end;
      if (losing?.reply === answered) return lose(chunk.subarray(0, delivered), losing.loss);
    }
    if (delivered > 0) toClient.push(chunk.subarray(0, delivered));
  });

  function lose(before: Buffer, loss: Loss): void {
    losing = undefined;
    server.destroy();
    if (before.length > 0) toClient.push(before);
    toClient.end();
    loss.happened();
  }

  function cut(): void {
    toServer.close();
    toClient.close();
    client.destroy();
    server.destroy();
  }

  client.on('end', () => toServer.end());
  server.on('end', () => toClient.end());
  for (const socket of [client, server]) {
    socket.setNoDelay(true);
    // A reset, or a server that is not there: nothing can be delivered any more.
    socket.on('error', cut);
    socket.on('close', () => {
      if (!client.destroyed || !server.destroyed) return;
      losing?.loss.missed();
      losing = undefined;
      onEnd();
    });
  }

  return {
    flow() {
      toServer.flow();
      toClient.flow();
    },
    cut,
  };
}
