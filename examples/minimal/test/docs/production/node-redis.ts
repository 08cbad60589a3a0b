import { fromNodeRedis } from '@turnpike/core/node-redis';
import { createClient } from 'redis';

export function connect(url: string) {
  const client = createClient({
    url,
    // Asked so often whether it is there, a server that vanished is left after two seconds.
    pingInterval: 500,
    socket: { socketTimeout: 2_000, reconnectStrategy: (retries) => Math.min(50 * (retries + 1), 500) },
  });
  // Each failed attempt to connect. Without a listener the first of them ends the process.
  client.on('error', (error: Error) => console.warn(error.message));
  // Not awaited: the app is to start without Redis, too.
  void client.connect();
  return { client, redis: fromNodeRedis(client) };
}
