/**
 * Starts `n` calls in the same tick and resolves to their results, in the order of `i`, when all have ended.
 *
 * @throws AggregateError with every failure when any call failed.
 */
export async function race<T>(n: number, fn: (i: number) => Promise<T>): Promise<T[]> {
  const settled = await Promise.allSettled(Array.from({ length: n }, async (_, i) => fn(i)));
  const failures = settled.flatMap((one, i) =>
    one.status === 'rejected' ? [{ i, reason: one.reason as unknown }] : [],
  );
  if (failures.length > 0) {
    const list = failures.map(
      ({ i, reason }) => `\n  ${i}: ${reason instanceof Error ? reason.message : String(reason)}`,
    );
    throw new AggregateError(
      failures.map(({ reason }) => reason),
      `${failures.length} of ${n} calls failed:${list.join('')}`,
    );
  }
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}
