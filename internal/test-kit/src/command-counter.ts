import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { withAdmin } from './admin-connection.ts';
import { isHandshake } from './handshake.ts';
import { parseMonitorLine } from './monitor-line.ts';
import type { RedisAddress } from './redis-server.ts';

export interface CountOptions {
  /** Which commands to keep. @default all but the handshakes of connections, see `isHandshake` */
  where?: (command: string[]) => boolean;
}

/** What clients have asked of one server since the counting began. */
export interface CommandCount {
  /** Those seen so far, as they were executed. MONITOR reports behind the replies: only after `stop` are they all here. */
  commands(): string[][];
  /** Ends the counting and resolves to every command that was executed before this call, none missing. */
  stop(): Promise<string[][]>;
}

const encode = (words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

/**
 * Writes down each command that a client sends to `server`, by MONITOR, and none of those that a script calls inside:
 * these are round trips. Resolves when the server reports. It reports other people's commands too: see `where`.
 */
export async function startCounting(
  server: RedisAddress,
  { where = (command) => !isHandshake(command) }: CountOptions = {},
): Promise<CommandCount> {
  const socket = connect(server.port, server.host);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();

  async function say(...words: string[]): Promise<void> {
    socket.write(encode(words));
    const { value } = await lines.next();
    if (value !== '+OK') throw new Error(`${words[0]} was answered with ${value ?? 'the end of the connection'}`);
  }

  const marker = `turnpike-test-marker-${randomUUID()}`;
  const seen: string[][] = [];

  async function readToMarker(): Promise<void> {
    for await (const line of lines) {
      const { source, command } = parseMonitorLine(line.slice(1)) ?? {};
      if (command?.[1] === marker) return;
      if (command !== undefined && source !== 'lua' && where(command)) seen.push(command);
    }
  }

  try {
    if (server.password !== undefined) await say('AUTH', server.username ?? 'default', server.password);
    await say('MONITOR');
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const marked = readToMarker();

  return {
    commands: () => [...seen],
    async stop() {
      try {
        await withAdmin(server, (redis) => redis.echo(marker));
        await marked;
      } finally {
        socket.destroy();
      }
      return seen;
    },
  };
}

/** The commands that clients sent to `server` while `fn` ran, as `startCounting` sees them. */
export async function countCommands(
  server: RedisAddress,
  fn: () => Promise<unknown>,
  options?: CountOptions,
): Promise<string[][]> {
  const count = await startCounting(server, options);
  try {
    await fn();
  } finally {
    await count.stop();
  }
  return count.commands();
}
