// .ci/run and npm run test:full [-- files…]. The work is in tasks/verdict.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/verdict.mjs');
