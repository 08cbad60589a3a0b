import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** Asks the database that a test keeps (../database.ts). */
export function databaseAt(port) {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  const waiting = new Map();
  let last = 0;
  createInterface({ input: socket }).on('line', (line) => {
    const { id, rows } = JSON.parse(line);
    waiting.get(id)(rows);
    waiting.delete(id);
  });
  return (ask, rows, more = {}) =>
    new Promise((resolve) => {
      last += 1;
      waiting.set(last, resolve);
      socket.write(`${JSON.stringify({ id: last, ask, rows, ...more })}\n`);
    });
}
