// npm run build: the dist folder of every package. The work is in tasks/build.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/build.mjs');
