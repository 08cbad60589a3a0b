import { once } from 'node:events';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Database } from '../database.ts';

/** What is asked of a database, and of what. */
const QUERIES = ['order', 'orderOnce', 'versionOf', 'change'] as const;
type Query = (typeof QUERIES)[number];

/** Serves a database to other processes; resolves to where. */
export async function serveDatabase(database: Database): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (req, res) => {
    const [, query = '', of = ''] = (req.url ?? '').split('/').map(decodeURIComponent);
    if (!isQuery(query)) return void res.writeHead(404).end();
    await read(req);
    res.end(JSON.stringify(await database[query](of)));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The database at `url`, as a process of the app has it. */
export function databaseAt(url: string): Database {
  const ask = async <T>(query: Query, of: string): Promise<T> => {
    const answer = await fetch(`${url}/${query}/${encodeURIComponent(of)}`, { method: 'POST' });
    return (await answer.json()) as T;
  };
  return {
    order: (key) => ask('order', key),
    orderOnce: (id) => ask('orderOnce', id),
    versionOf: (page) => ask('versionOf', page),
    change: (page) => ask('change', page),
  };
}

const isQuery = (name: string): name is Query => (QUERIES as readonly string[]).includes(name);

async function read(req: IncomingMessage): Promise<void> {
  req.resume();
  if (!req.complete) await once(req, 'end');
}
