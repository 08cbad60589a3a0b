export { l1 } from './l1.ts';
export type { L1, L1Options } from './l1.ts';
