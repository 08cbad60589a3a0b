export type { PageEvent } from './events.ts';
export { invalidates } from './invalidates.ts';
export type { Invalidates } from './invalidates.ts';
export { cacheResponse } from './middleware.ts';
export type { CacheResponse } from './middleware.ts';
export type { CacheResponseOptions, CacheSource, InvalidatesOptions, PageOptions, ScopeOf } from './options.ts';
export { cacheTags } from './page-tags.ts';
export { isBackground } from './refresh.ts';
