// npm run shop:cluster: three shops on one Redis and one database. The work is in tasks/shop-cluster.mjs, behind the gate.
import './node-version.mjs';

void import('./tasks/shop-cluster.mjs');
