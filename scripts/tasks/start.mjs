import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { mustBeFree, portFrom } from '../setup/ports.mjs';
import { redisForShop } from '../setup/redis.mjs';
import { task } from '../setup/task.mjs';
import { tethered } from '../setup/tethered.mjs';

const serve = async () => {
  const port = portFrom(process.env.PORT);
  await mustBeFree(port);
  await install('shop');
  await compile('examples/shop/tsconfig.build.json');
  const url = await redisForShop();

  const env = { ...process.env, REDIS_URL: url, PORT: String(port) };
  return tethered(process.execPath, ['examples/shop/dist/server.js'], { env }).exited;
};

// A server that ends because it was told to has not failed.
await task(serve, { codeAfter: () => 0 });
