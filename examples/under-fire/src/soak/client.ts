/** As docs/production.md has it. */
export const CLIENT = {
  retryStrategy: (attempt: number): number => Math.min(50 * attempt, 500),
  socketTimeout: 2_000,
  reconnectOnError: (error: Error): boolean => error.message.startsWith('READONLY'),
};
