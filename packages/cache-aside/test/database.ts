import { once } from 'node:events';
import { type Socket, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

/** What a database holds of one row: how often it was written. */
type Rows = Readonly<Record<string, number>>;

/**
 * A database in this process, for the processes of a fleet: a row for each name, which a write makes one higher.
 * - `read` answers with rows as they were when it was asked, after a while: what is on its way may be old
 * - `write` commits; the writer says `done` once its invalidation has resolved
 * - `settled` answers with rows as of the last write that is done, or was `agoMs` ago: no read that begins then may be older
 */
export interface Database {
  readonly port: number;
  /** Of random delays and choices. */
  readonly seed: number;
  current(names: readonly string[]): Rows;
  /** Rows committed by a writer that has gone without being done: nobody has invalidated them. */
  abandoned(): string[];
  close(): void;
}

interface Request {
  readonly id: number;
  readonly ask: 'read' | 'write' | 'done' | 'settled';
  readonly rows: string[];
  /** Of `done`: what was committed. Of `read`: after how many ms to answer. */
  readonly committed?: Rows;
  readonly delayMs?: number;
  readonly agoMs?: number;
}

export async function startDatabase(seed: number): Promise<Database> {
  const written = new Map<string, number>();
  /** Of each row: when it was done up to which write. */
  const done = new Map<string, { readonly at: number; readonly version: number }[]>();
  const abandoned: string[] = [];
  const sockets = new Set<Socket>();
  const current = (names: readonly string[]): Rows =>
    Object.fromEntries(names.map((name) => [name, written.get(name) ?? 0]));
  const settled = (names: readonly string[], agoMs: number): Rows => {
    const until = performance.now() - agoMs;
    return Object.fromEntries(
      names.map((name) => [name, done.get(name)?.findLast(({ at }) => at <= until)?.version ?? 0]),
    );
  };

  const answer = (request: Request, open: Map<string, number>): Rows => {
    const { ask, rows, committed = {} } = request;
    if (ask === 'write') {
      for (const row of rows) {
        written.set(row, (written.get(row) ?? 0) + 1);
        open.set(row, (open.get(row) ?? 0) + 1);
      }
    }
    if (ask === 'done') {
      for (const row of rows) {
        const steps = done.get(row) ?? [];
        const version = Math.max(steps.at(-1)?.version ?? 0, committed[row] ?? 0);
        done.set(row, [...steps, { at: performance.now(), version }]);
        open.set(row, (open.get(row) ?? 0) - 1);
      }
    }
    return ask === 'settled' ? settled(rows, request.agoMs ?? 0) : current(rows);
  };

  const server = createServer((socket) => {
    sockets.add(socket.setNoDelay(true));
    const open = new Map<string, number>();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      for (const [row, count] of open) if (count > 0) abandoned.push(row);
    });
    const lines = createInterface({ input: socket });
    lines.on('error', () => undefined); // of a process that was killed
    lines.on('line', (line) => {
      const request = JSON.parse(line) as Request;
      const reply = `${JSON.stringify({ id: request.id, rows: answer(request, open) })}\n`;
      const send = (): void => void (socket.writable && socket.write(reply));
      if (request.delayMs === undefined) send();
      else setTimeout(send, request.delayMs);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seed,
    current,
    abandoned: () => abandoned.splice(0),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
