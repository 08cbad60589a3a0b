// npm run bench [-- suite…]: from a fresh clone to tables. The work is in tasks/bench.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/bench.mjs');
