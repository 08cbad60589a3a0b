// npm run check: everything a change must pass besides its tests. The work is in tasks/check.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/check.mjs');
