// npm run test:e2e [-- files…]: from a fresh clone to what a browser saw. The work is in tasks/e2e.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/e2e.mjs');
