// npm run soak: SOAK_SECONDS and SOAK_SEED, see docs/soak.md. The work is in tasks/soak.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/soak.mjs');
