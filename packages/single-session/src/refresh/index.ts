export { refreshing } from './middleware.ts';
export type { RefreshOptions, Refreshing, Tokens } from './middleware.ts';
