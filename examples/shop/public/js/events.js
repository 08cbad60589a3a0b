import { retryAfter, send } from './api.js';

/** A tab that nobody has looked at for so long, in ms, lets go of its streams: a browser opens six connections to one host. */
const UNSEEN_MS = 30_000;

/**
 * Listens to `/events`, which an EventSource cannot, having no Authorization. `on.<event>(data)` is told each event,
 * `on.open()` that it is listening, `on.lost(answer)` that it is not at the moment and tries again, and `on.refused(answer)`
 * that this token is no longer good. Ends by itself after `ended`. The result stops listening.
 */
export function listen(token, on) {
  let connection;
  let retry;
  let unseen;
  let failures = 0;

  async function connect() {
    connection = new AbortController();
    const { signal } = connection;
    const answer = await send('GET', '/events', { token, signal });
    if (signal.aborted) return;
    if (answer.status === 401) {
      stop();
      on.refused?.(answer);
      return;
    }
    if (answer.status === 200) {
      failures = 0;
      on.open?.();
      const hasEnded = await tell(answer.response.body, on).catch(() => false);
      if (signal.aborted) return;
      if (hasEnded) return stop();
    }
    on.lost?.(answer);
    // As it is told to, and less and less often while nothing helps.
    retry = setTimeout(connect, 1000 * Math.max(retryAfter(answer), Math.min(2 ** failures, 15)));
    failures += 1;
  }

  function letGo() {
    connection?.abort();
    connection = undefined;
    clearTimeout(retry);
  }

  function onVisibility() {
    clearTimeout(unseen);
    if (document.hidden) unseen = setTimeout(letGo, UNSEEN_MS);
    else if (connection === undefined) void connect();
  }

  function stop() {
    letGo();
    clearTimeout(unseen);
    document.removeEventListener('visibilitychange', onVisibility);
  }

  document.addEventListener('visibilitychange', onVisibility);
  void connect();
  return stop;
}

/** Resolves to whether the stream said that it has `ended`. */
async function tell(body, on) {
  let rest = '';
  let hasEnded = false;
  for (const reader = body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return hasEnded;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const [, event] = /^event: (.*)$/m.exec(block) ?? [];
      const [, data] = /^data: (.*)$/m.exec(block) ?? [];
      // A beat, which only keeps proxies from closing the stream, has neither.
      if (event === undefined || data === undefined) continue;
      on[event]?.(JSON.parse(data));
      hasEnded ||= event === 'ended';
    }
  }
}
