import type { Problem } from '@turnpike/core';

/** Of a request that takes what is stored and nothing else (`only-if-cached`, RFC 9111 §5.2.1.7), where nothing is. */
export const notStored: Problem = {
  status: 504,
  code: 'cache_not_stored',
  detail: 'The request takes what is stored and nothing else, and nothing is stored that would answer it',
};
