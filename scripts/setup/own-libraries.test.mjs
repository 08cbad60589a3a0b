import { expect, test } from 'vitest';
import { wrapper } from './own-libraries.mjs';

test('a server is started with its own libraries, and with its own loader where it has one', () => {
  expect(wrapper('redis-server', ['usr/lib'])).toContain(
    'export LD_LIBRARY_PATH="$root/usr/lib"\nexec "$root/usr/bin/redis-server" "$@"',
  );
  expect(wrapper('valkey-server', ['usr/lib'], 'usr/lib64/ld-linux-x86-64.so.2')).toContain(
    'exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib" "$root/usr/bin/valkey-server" "$@"',
  );
});
