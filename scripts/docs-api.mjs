// npm run docs:api: the API reference as pages, in .cache/api. The work is in tasks/docs-api.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/docs-api.mjs');
