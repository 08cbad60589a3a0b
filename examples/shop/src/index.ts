// The shop as a whole, and the parts of it that know nothing of Turnpike: for those who measure what is between the two.
export { shopSessions } from './accounts/sessions.ts';
export { createApp } from './app.ts';
export { productById } from './catalogue/products.ts';
export { openDatabase } from './database/open.ts';
export { metricsOf } from './observability/metrics.ts';
export { countedRedis } from './observability/redis-count.ts';
export { placeOrder } from './orders/order-book.ts';
export { hardened, page } from './page.ts';
export { answerErrors, notFound } from './problems.ts';
export type { Shop } from './shop.ts';
