import { expect, it } from 'vitest';
import { outcomeOf } from './outcome.ts';

it.each([
  ...[200, 201, 204, 206, 301, 303, 304, 400, 401, 404, 410, 422, 451].map((status) => [status, 'keep'] as const),
  ...[408, 409, 425, 429].map((status) => [status, 'release'] as const),
  ...[500, 502, 503, 504, 599].map((status) => [status, 'in-doubt'] as const),
])('%i: %s', (status, word) => {
  expect(outcomeOf(status)).toBe(word);
});
