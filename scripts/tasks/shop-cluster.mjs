import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { freePort, mustBeFree, portFrom } from '../setup/ports.mjs';
import { redisForShop } from '../setup/redis.mjs';
import { Stop, isEnding, step, task } from '../setup/task.mjs';
import { tethered } from '../setup/tethered.mjs';

const SHOPS = 3;
const START_WITHIN_MS = 30_000;

const serve = async () => {
  const ports = await portsFrom(process.env.PORT);
  await install('shop');
  await compile('examples/shop/tsconfig.build.json');
  const redisUrl = await redisForShop();
  const databaseUrl = await databaseForShops();

  const secret = process.env.SHOP_SECRET ?? randomBytes(32).toString('base64url');
  const shared = { ...process.env, REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, SHOP_SECRET: secret };
  const shops = ports.map((port) => open(port, shared));
  await step('shops', () => Promise.all(shops.map(ready)));
  console.log(welcome(ports.map((port) => `http://localhost:${port}`)));
  await Promise.all(shops.map(({ exited }) => exited));
};

/** PORT and the two above it; of 0 any three. */
async function portsFrom(given) {
  const first = portFrom(given);
  const indexes = [...Array(SHOPS).keys()];
  if (first === 0) return Promise.all(indexes.map(freePort));
  const ports = indexes.map((n) => portFrom(String(first + n)));
  for (const port of ports) {
    await mustBeFree(port).catch((error) => {
      if (!(error instanceof Stop)) throw error;
      throw new Stop(`${ports.join(', ')} have to be free. Choose others: PORT=${first + SHOPS} npm run shop:cluster`);
    });
  }
  return ports;
}

/** DATABASE_URL, or the embedded Postgres in a process of its own: two processes with one database of it would destroy it. */
const databaseForShops = () =>
  step('database', async (note) => {
    const { DATABASE_URL } = process.env;
    note(DATABASE_URL ? 'DATABASE_URL' : 'embedded, behind a socket');
    if (DATABASE_URL) return DATABASE_URL;
    const env = { ...process.env, PORT: '0' };
    const server = tethered(process.execPath, ['examples/shop/dist/database/served.js'], { env, quiet: true });
    await within(server, 'The database', () => server.said().includes('\n'));
    void server.exited.then(() => isEnding() || console.error('The database has ended; the shops go on without it.'));
    return server.said().trim();
  });

/** A shop that says only what went wrong, and which one it is: three welcomes are too many. */
function open(port, shared) {
  const speech = `console.log = () => {};
    const { error } = console;
    console.error = (...said) => error('shop ${port}:', ...said);`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(speech)}`, 'examples/shop/dist/server.js'];
  return { port, ...tethered(process.execPath, args, { env: { ...shared, PORT: String(port) } }) };
}

async function ready(shop) {
  const healthy = () =>
    fetch(`http://127.0.0.1:${shop.port}/healthz`)
      .then(({ ok }) => ok)
      .catch(() => false);
  await within(shop, `The shop on port ${shop.port}`, healthy);
  void shop.exited.then(() => isEnding() || console.error(`shop ${shop.port} has ended; the others go on.`));
}

async function within({ exited, said }, name, isReady) {
  for (const giveUpAt = performance.now() + START_WITHIN_MS; !(await isReady());) {
    const code = await Promise.race([exited, sleep(50)]);
    if (code !== undefined) throw new Stop(`${said().trim()}\n\n${name} would not start: it ended with ${code}.`);
    if (performance.now() > giveUpAt) throw new Stop(`${name} was not ready within ${START_WITHIN_MS / 1000} seconds.`);
  }
}

function welcome(addresses) {
  const [one, two, three] = addresses;
  const json = `-H 'Content-Type: application/json'`;
  const login = (at, who) => `curl -s ${json} -d '${JSON.stringify(who)}' ${at}/login`;
  const token = `sed 's/.*"token":"\\([^"]*\\)".*/\\1/'`;
  const ann = { email: 'ann@example.com', password: 'correct horse battery staple' };
  const bob = { email: 'bob@example.com', password: 'an umbrella in the hallway' };
  const eve = { email: 'eve@example.com', password: 'keys under the third pot' };
  return `
Three shops, one Redis, one database:   (Ctrl-C closes them)
    ${one}
    ${two}
    ${three}
Open them side by side in a browser, and sign in as the same person: the newest wins, and the others are told at once.

Or by hand. Twelve searches, by turns: ten are answered and two are 429, wherever they go:
    for i in 1 2 3 4; do for at in ${addresses.join(' ')}; do curl -s -o /dev/null -w '%{http_code} ' "$at/products?q=mug"; done; done; echo

A device that has signed in at the first shop is signed out by a login at the second, and is told so by the third:
    PHONE=$(${login(one, { ...ann, device: 'Phone' })} | ${token})
    ${login(two, { ...ann, device: 'Laptop' })}; echo
    curl -s -H "Authorization: Bearer $PHONE" ${three}/me; echo

A price that changes at the first is what all of them show next:
    for at in ${addresses.join(' ')}; do curl -s $at/products/p1; echo; done
    ADMIN=$(${login(one, eve)} | ${token})
    curl -s -o /dev/null -X PUT -H "Authorization: Bearer $ADMIN" ${json} -d '{"priceCents":990}' ${one}/products/p1/price
    for at in ${addresses.join(' ')}; do curl -s $at/products/p1; echo; done

One order, sent to all three at once: one of them places it, and the others say 409, or the same order again:
    TOKEN=$(${login(one, bob)} | ${token})
    for at in ${addresses.join(' ')}; do curl -s -w '\\n%{http_code}\\n' -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: one-order' ${json} -d '{"productId":"p1","quantity":2}' $at/orders & done; wait
    curl -s -H "Authorization: Bearer $TOKEN" ${two}/orders; echo
`;
}

// Shops that end because they were told to have not failed.
await task(serve, { codeAfter: () => 0 });
