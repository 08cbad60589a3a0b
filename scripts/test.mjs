// npm test [-- files…]: from a fresh clone to vitest's verdict. The work is in tasks/test.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/test.mjs');
