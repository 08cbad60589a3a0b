import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

// A process of its own: the embedded Postgres behind a socket, for several shops that have no server of their own. In memory:
// it ends with the process. It says its URL as soon as it takes connections.

/** The messages that a query with values is made of, until its Sync: Parse, Bind, Describe, Execute, Close, Flush. */
const PARTS: ReadonlySet<number | undefined> = new Set(Buffer.from('PBDECH'));

/**
 * One session that all connections share. The socket server lets them take turns message by message, and keeps to one of them
 * only within a transaction: so a query whose other half is still to come counts as one, or it would be run with the values of
 * another connection.
 */
class SharedPglite extends PGlite {
  #isMidway = false;

  override isInTransaction(): boolean {
    return this.#isMidway || super.isInTransaction();
  }

  override async execProtocolRawStream(
    ...[message, options]: Parameters<PGlite['execProtocolRawStream']>
  ): Promise<void> {
    this.#isMidway = PARTS.has(message[0]);
    await super.execProtocolRawStream(message, options);
  }

  /** What the socket server calls for a connection that has ended in the midst of something: a rollback. */
  override exec(...args: Parameters<PGlite['exec']>): ReturnType<PGlite['exec']> {
    this.#isMidway = false;
    return super.exec(...args);
  }
}

const db = new SharedPglite();
await db.waitReady;
const server = new PGLiteSocketServer({
  db,
  host: '127.0.0.1',
  port: Number(process.env['PORT'] ?? 0),
  maxConnections: 100,
});
await server.start();
console.log(`postgres://postgres@${server.getServerConn()}/postgres`);
