import type { HttpRequest } from '@turnpike/core';
import { namedUrls } from '../express/named-urls.ts';
import type { Head } from '../express/storable.ts';

/**
 * What an unsafe method has changed besides its own URL (RFC 9111 §4.4): the URLs of the same origin that its answer names.
 * Undefined: nothing has changed, for the answer is an error.
 */
export const changedUrls = (req: HttpRequest, { status, headers }: Head): readonly string[] | undefined =>
  status < 200 || status >= 400 ? undefined : namedUrls(req, headers);
