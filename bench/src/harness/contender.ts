import type { RequestListener } from 'node:http';

/** What the process of a contender is told. */
export interface Setting {
  readonly redis: { readonly host: string; readonly port: number };
  /** Which form of itself it is to be: a list of policies, a tier of a cache. */
  readonly variant: string;
}

/** What a file of `contenders/` exports as `contender`: the app that is measured. */
export type Contender = (setting: Setting) => RequestListener | Promise<RequestListener>;

/** What the process of a contender is asked, over its IPC channel. */
export type Question = 'usage' | 'collect';

/** What it says: where it listens, and what it has used since it began. */
export type Answer =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'usage'; readonly cpuUs: number; readonly heapBytes: number };
