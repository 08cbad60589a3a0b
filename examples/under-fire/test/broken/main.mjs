// npm run soak, of the app that is broken.
import { command } from '../../dist/soak/command.js';

process.exitCode = await command(process.env, new URL('process.mjs', import.meta.url));
