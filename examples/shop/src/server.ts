import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { createApp } from './app.ts';
import { openDatabase } from './database/open.ts';
import { welcome } from './welcome.ts';

const port = Number(process.env['PORT'] ?? 3000);
const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';

// Of one run only: whoever is signed in has to do so again after a restart, unless the secret is given. Instances share one.
const secret = process.env['SHOP_SECRET'] ?? randomBytes(32).toString('base64url');

const redis = new Redis(redisUrl, {
  retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
  // A master that is gone without a word: the client looks for another.
  socketTimeout: 5000,
});
// The packages say what happens without Redis; the log only needs to say that it is gone, and that it is back.
let isDown = false;
redis.on('error', (error: Error) => {
  if (!isDown) console.error(`Redis is not there: ${error.message}`);
  isDown = true;
});
redis.on('ready', () => {
  if (isDown) console.error('Redis is back.');
  isDown = false;
});

// For a machine that is busy with tests.
const { SHOP_DEADLINE_MS } = process.env;
const patience = SHOP_DEADLINE_MS === undefined ? {} : { deadlineMs: Number(SHOP_DEADLINE_MS) };

const database = await openDatabase(process.env['DATABASE_URL']).catch((error: unknown) => {
  const { message, cause } = error as Error & { cause?: Error };
  console.error(`The database cannot be opened: ${cause?.message ?? message}`);
  redis.disconnect();
  process.exit(1);
});

const {
  app,
  forgetPages,
  drain,
  close: closeApp,
} = createApp({ redis, database, prefix: 'shop', secret, ...patience });
// The embedded database is a new one, and what Redis still has of the one before is not true of it.
if (process.env['DATABASE_URL'] === undefined) await forgetPages();

const server = app.listen(port, (error?: Error) => {
  if (error !== undefined) void refuse(error);
  else console.log(welcome(`http://localhost:${port}`));
});

async function refuse(error: Error): Promise<void> {
  const busy = 'code' in error && error.code === 'EADDRINUSE';
  console.error(busy ? `Port ${port} is in use. Choose another: PORT=${port + 1} npm start` : error.message);
  process.exitCode = 1;
  await end();
}

/** How long requests under way may take to finish, in ms. */
const GRACE_MS = 10_000;

let isClosing = false;

// A client that keeps its connection busy is told that the answer under way is the last one on it.
server.prependListener('request', (_req, res) => {
  if (isClosing) res.shouldKeepAlive = false;
});

/** Requests under way finish, streams are closed; then nothing is left open, and the process ends by itself. */
function close(): void {
  if (isClosing) return;
  isClosing = true;
  server.close(() => void end());
  server.closeIdleConnections();
  setInterval(() => server.closeIdleConnections(), 100).unref();
  drain();
  setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
}

async function end(): Promise<void> {
  closeApp();
  redis.disconnect();
  await database.close();
}
process.once('SIGINT', close);
process.once('SIGTERM', close);
