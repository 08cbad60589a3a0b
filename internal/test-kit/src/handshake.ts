const HANDSHAKE = new Set(['AUTH', 'CLIENT', 'COMMAND', 'HELLO', 'INFO', 'PING', 'QUIT', 'READONLY', 'SELECT']);

/** Whether a client sends this on its own account, when it connects, probes or discovers a cluster: nobody asked for it. */
export function isHandshake([name = '', subcommand = '']: readonly string[]): boolean {
  const command = name.toUpperCase();
  return HANDSHAKE.has(command) || (command === 'CLUSTER' && /^(slots|shards|nodes|info)$/i.test(subcommand));
}
