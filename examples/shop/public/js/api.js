const listeners = new Set();

/** Hears of every answer, in the order in which they come. */
export const onAnswer = (listener) => listeners.add(listener);

/**
 * Asks the shop, and resolves to the answer as soon as it begins, whatever its status. Where nobody answers the status is 0.
 * The browser keeps nothing of it, and so holds no second request back until it knows what the first one got.
 */
export async function send(method, path, { token, json, headers, signal } = {}) {
  const startedAt = performance.now();
  const response = await fetch(path, {
    method,
    signal,
    cache: 'no-store',
    headers: {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(json && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: json && JSON.stringify(json),
  }).catch(() => undefined);

  const answer = {
    method,
    path,
    response,
    status: response?.status ?? 0,
    header: (name) => response?.headers.get(name) ?? undefined,
    tookMs: performance.now() - startedAt,
    ...costOf(response?.headers.get('Server-Timing') ?? ''),
  };
  // What we broke off ourselves is no answer.
  if (!signal?.aborted) for (const listener of listeners) listener(answer);
  return answer;
}

/** As `send`, with the body read: JSON, or undefined where there is none. */
export async function ask(method, path, options) {
  const answer = await send(method, path, options);
  const text = (await answer.response?.text().catch(() => '')) ?? '';
  return { ...answer, body: /json/.test(answer.header('Content-Type') ?? '') && text ? JSON.parse(text) : undefined };
}

/** `redis;desc=<commands>, app;dur=<ms>` */
function costOf(serverTiming) {
  const [, commands] = /\bredis;desc=(\d+)/.exec(serverTiming) ?? [];
  const [, ms] = /\bapp;dur=([\d.]+)/.exec(serverTiming) ?? [];
  return { redisCommands: commands && Number(commands), serverMs: ms && Number(ms) };
}

/** Seconds after which it makes sense to ask again. */
export const retryAfter = (answer) => Number(answer.header('Retry-After') ?? 1);
