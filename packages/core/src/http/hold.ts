import type { ServerResponse } from 'node:http';
import { isolated } from '../isolated.ts';
import { deferDestroy, isDestroyDeferred } from './deferred-destroy.ts';

/** An answer that is complete, and of which the client lacks the end. */
export interface Hold {
  /** Puts a step of the answer off until the release. */
  add(step: () => void): void;
  /** Answers `writableEnded` as Node would have, had the end been let through. */
  end(): void;
  /** Lets the answer go. */
  release(): void;
}

/**
 * Holds the end of an answer whose head is fixed. Natively it would have left already, so whatever comes in between does
 * it no harm: Express destroys the socket of a handler that throws after it has answered, and an error handler sets
 * another status. The socket is destroyed, if that was asked, when the answer is out.
 */
export function hold(res: ServerResponse): Hold {
  const { statusCode } = res;
  const { socket } = res.req;
  const steps: (() => void)[] = [];
  const releases = [deferDestroy(socket), deferDestroy(res)];
  let isEnded = false;

  return {
    add: (step) => void steps.push(step),
    end() {
      isEnded = true;
      Object.defineProperty(res, 'writableEnded', { value: true, configurable: true });
    },
    release() {
      const isDestroyAsked = releases.map((release) => release()).includes(true);
      if (isEnded) Reflect.deleteProperty(res, 'writableEnded');
      res.statusCode = statusCode;
      for (const step of steps) isolated(() => orBreak(step));
      if (isDestroyAsked) destroyWhenOut();
    },
  };

  function orBreak(step: () => void): void {
    try {
      step();
    } catch (error) {
      // Nobody else will end it.
      socket.destroy();
      throw error;
    }
  }

  function destroyWhenOut(): void {
    // Without end() nothing says when it is out; what was written is in the socket, and leaves before it closes.
    if (!isEnded || !socket.writable) destroy();
    else res.once('finish', destroy).once('close', destroy);
  }

  function destroy(): void {
    // Another answer on this connection is held: that one sees to it.
    if (isDestroyDeferred(socket)) socket.destroy();
    else socket.destroySoon();
  }
}
