import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setting } from '@turnpike/test-kit/vitest';
import { expect, it, onTestFinished } from 'vitest';
import { ask, get, wireOrigin } from '../fixtures/wire.ts';

const it_ = setting();

const PROGRAM = join(import.meta.dirname, '../fixtures/proxy.mjs');

function start(env: Record<string, string>): ReturnType<typeof spawn> {
  const { NODE_OPTIONS: _, VITEST: __, ...own } = process.env;
  const child = spawn(process.execPath, [PROGRAM], { env: { ...own, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

it('the proxy as a program says where it listens, stores in the Redis it is given, and ends when it is told to', async () => {
  const origin = await wireOrigin('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=60\r\n\r\npage');
  const child = start({ ORIGIN: origin.url.href, PROFILE: 'safe', REDIS_URL: it_.server.url });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(/^listening on http:\/\/localhost:(\d+) .*\n$/.exec(String(line))?.[1]);

  expect(await ask(port, get('/'))).toMatch(/^HTTP\/1\.1 200 OK/);
  const redis = it_.clients.client();
  expect((await redis.keys('proxy-*')).length).toBeGreaterThan(0);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('what it is set to that is nothing it knows ends it, and it says what would be', async () => {
  const child = start({ ORIGIN: 'http://localhost:8000', PROFILE: 'unsafe', REDIS_URL: it_.server.url });
  expect(await text(child.stderr!)).toMatch(/^PROFILE must be one of safe.*, not unsafe\n$/);
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(1);
});
