// The process of one contender: its app behind a port, and nothing else. It ends with the process that started it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer, Contender, Question, Setting } from './contender.ts';

const [file = '', setting = ''] = process.argv.slice(2);

const tell = (answer: Answer): unknown => process.send?.(answer);

/** User and system time of all threads of this process: the collector's and the compiler's, too. */
const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

process.on('disconnect', () => process.exit(0));
process.on('message', (question: Question) => {
  if (question === 'collect') globalThis.gc?.();
  tell({ kind: 'usage', cpuUs: cpuUs(), heapBytes: process.memoryUsage().heapUsed });
});

const { contender } = (await import(file)) as { contender: Contender };
const app = await contender(JSON.parse(setting) as Setting);
const server = createServer(app);
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => tell({ kind: 'listening', port: (server.address() as AddressInfo).port }));
