// npm run soak: SOAK_SECONDS (300), SOAK_SEED (any).
import { command } from './command.ts';

try {
  process.exitCode = await command(process.env, new URL('process.js', import.meta.url));
} catch (error) {
  console.error(error instanceof RangeError ? error.message : error);
  process.exitCode = 1;
}
