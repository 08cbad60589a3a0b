import { showDevices } from './devices.js';
import { showLimits } from './limits.js';
import { showOrder } from './order.js';
import { showProduct } from './product.js';
import { showStrip } from './strip.js';

// First, so that it sees what the panels ask for as they open.
showStrip();
showLimits();
showDevices();
showOrder();
showProduct();
