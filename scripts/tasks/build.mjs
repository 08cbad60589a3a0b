import { compile } from '../setup/compile.mjs';
import { install } from '../setup/install.mjs';
import { task } from '../setup/task.mjs';

await task(async () => {
  await install('all');
  await compile();
});
