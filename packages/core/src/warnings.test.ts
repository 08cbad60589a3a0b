import { once } from 'node:events';
import { expect, it } from 'vitest';
import { warnOnce } from './warnings.ts';

it('a warning comes once per factory call, with a code and the factory’s name', async () => {
  const warn = warnOnce('rateLimit "a"');
  const warned = once(process, 'warning');
  warn('TURNPIKE_WARN_NO_KEY', 'said once');
  warn('TURNPIKE_WARN_NO_KEY', 'said twice');
  const [warning] = await warned;
  expect(warning).toMatchObject({
    name: 'TurnpikeWarning',
    code: 'TURNPIKE_WARN_NO_KEY',
    message: 'rateLimit "a": said once',
  });
  let more = 0;
  process.once('warning', () => (more += 1));
  warn('TURNPIKE_WARN_NO_KEY', 'said again');
  await new Promise((resolve) => setImmediate(resolve));
  expect(more).toBe(0);
  process.removeAllListeners('warning');
});
