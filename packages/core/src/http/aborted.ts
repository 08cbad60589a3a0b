import type { ServerResponse } from 'node:http';

/** Whether the client had gone: the socket says so before the response does. */
export const isAborted = (res: ServerResponse): boolean =>
  !res.writableFinished && (res.destroyed || res.closed || res.req.socket.destroyed);
