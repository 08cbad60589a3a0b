import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { createApp } from './app.ts';

const port = Number(process.env['PORT'] ?? 3000);
const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';

// Of one run only: whoever is signed in has to do so again after a restart, unless the secret is given.
const secret = process.env['SHOP_SECRET'] ?? randomBytes(32).toString('base64url');

const redis = new Redis(redisUrl, { retryStrategy: (attempt) => Math.min(50 * attempt, 500) });
// The limiters say what happens without Redis; the log only needs to say that it is gone, and that it is back.
let isDown = false;
redis.on('error', (error: Error) => {
  if (!isDown) console.error(`Redis is not there: ${error.message}`);
  isDown = true;
});
redis.on('ready', () => {
  if (isDown) console.error('Redis is back.');
  isDown = false;
});

const server = createApp({ redis, prefix: 'shop', secret }).listen(port, (error?: Error) => {
  if (error !== undefined) refuse(error);
  else welcome(`http://localhost:${port}`);
});

function refuse(error: Error): void {
  const busy = 'code' in error && error.code === 'EADDRINUSE';
  console.error(busy ? `Port ${port} is in use. Choose another: PORT=${port + 1} npm start` : error.message);
  redis.disconnect();
  process.exitCode = 1;
}

function welcome(address: string): void {
  console.log(`
The shop is open at ${address}   (Ctrl-C closes it)

  eleven looks at the catalogue; the eleventh is 429, with Retry-After:
    for i in $(seq 11); do curl -s -o /dev/null -w '%{http_code} ' ${address}/products; done; echo

  what a client is told of its quota, and when it may come back:
    curl -i ${address}/products

  a product's page is rendered once and then comes from the cache; see Cache-Status and Age:
    for i in 1 2; do curl -si ${address}/products/p1 | grep -iE '^(age|cache-status)|price'; done

  its price changes, and the next look shows it:
    ADMIN=$(curl -s -H 'Content-Type: application/json' -d '{"email":"eve@example.com","password":"keys under the third pot"}' ${address}/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
    curl -s -X PUT -H "Authorization: Bearer $ADMIN" -H 'Content-Type: application/json' -d '{"priceCents":990}' ${address}/products/p1/price; curl -s ${address}/products/p1

  one order, sent twice; the second answer is the first again, and says Idempotent-Replayed:
    TOKEN=$(curl -s -H 'Content-Type: application/json' -d '{"email":"bob@example.com","password":"an umbrella in the hallway"}' ${address}/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
    for i in 1 2; do curl -si -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: my-first-order' -H 'Content-Type: application/json' -d '{"productId":"p1","quantity":2}' ${address}/orders; echo; done

  six guesses at one account; the sixth is not even looked at:
    for i in $(seq 6); do curl -s -o /dev/null -w '%{http_code} ' -H 'Content-Type: application/json' -d '{"email":"ann@example.com","password":"guess"}' ${address}/login; done; echo
`);
}

/** Requests under way finish; then nothing is left open, and the process ends by itself. */
function close(): void {
  server.close(() => redis.disconnect());
  server.closeIdleConnections();
}
process.once('SIGINT', close);
process.once('SIGTERM', close);
