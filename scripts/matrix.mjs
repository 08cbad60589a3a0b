// npm run matrix [-- --quick]: the tests over other versions. The work is in tasks/matrix.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/matrix.mjs');
