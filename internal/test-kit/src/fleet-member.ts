import { type FromMember, type MemberStart, START, type ToMember } from './fleet-protocol.ts';

/** What one process of a fleet is given. */
export interface Member<Args = unknown> {
  /** 0 to count − 1. */
  readonly index: number;
  readonly count: number;
  /** The `args` of `fleet`, by way of JSON. */
  readonly args: Args;
  /** Resolves in all members when all that still run have come here. A name may be used again. */
  barrier(name: string): Promise<void>;
  send(message: unknown): void;
  /** Hears what the fleet broadcasts, and what it has broadcast so far. One listener. */
  onMessage(listener: (message: unknown) => void): void;
}

/**
 * For the script of a fleet: runs `work` as soon as all members are up, tells the fleet what it resolves to, and ends the
 * process, open connections or not. When `work` throws, the process ends with code 1, and the fleet says why.
 */
export async function runMember<Args, T>(work: (member: Member<Args>) => T | Promise<T>): Promise<void> {
  const start = process.argv[2];
  if (process.send === undefined || start === undefined) {
    throw new Error('runMember: this script is for fleet() to start');
  }
  const { index, count, args } = JSON.parse(start) as MemberStart;
  const tell = (message: FromMember, sent?: () => void): unknown => process.send?.(message, undefined, undefined, sent);
  const waiting = new Map<string, () => void>();
  const unheard: unknown[] = [];
  let hear = (message: unknown): unknown => unheard.push(message);

  process.on('message', (message: ToMember) => {
    if (message.kind === 'message') hear(message.body);
    else waiting.get(message.name)?.();
  });

  function barrier(name: string): Promise<void> {
    return new Promise((resolve) => {
      waiting.set(name, resolve);
      tell({ kind: 'barrier', name });
    });
  }

  await barrier(START);
  const value = await work({
    index,
    count,
    args: args as Args,
    barrier,
    send: (body) => void tell({ kind: 'message', body }),
    onMessage(listener) {
      hear = listener;
      unheard.splice(0).forEach(listener);
    },
  });
  tell({ kind: 'result', value }, () => process.exit(0));
}
