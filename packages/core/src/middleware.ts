import type { IncomingMessage, ServerResponse } from 'node:http';

/** Hands the request on, or an error to the app's error middleware. */
export type Next = (error?: unknown) => void;

/**
 * What every factory returns: a handler for Express 4, Express 5 and anything else that calls `(req, res, next)`. Not
 * Express's own `RequestHandler`, which makes `req.params.id` of the handlers behind it `string | string[] | undefined`.
 */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** The request as the functions among our options see it: Node's, with what Express and body parsers add to it. */
export interface HttpRequest extends IncomingMessage {
  readonly ip?: string | undefined;
  readonly originalUrl?: string;
  readonly params?: Readonly<Record<string, any>>;
  readonly query?: any;
  readonly body?: any;
  readonly app?: { get(setting: string): unknown };
}

/** The response as the functions among our options see it. */
export type HttpResponse = ServerResponse & { readonly locals?: any };
