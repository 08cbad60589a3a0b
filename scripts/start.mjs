// npm start: from a fresh clone to a listening shop. The work is in tasks/start.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/start.mjs');
