import { byId, prose } from './dom.js';
import { retryAfter } from './api.js';

/** The sentence at the foot of a panel: `say(text, mood)`, where `mood` is done, refused or away. */
export function happenedIn(panel) {
  const place = byId(`${panel}-happened`);
  return (text, mood = 'done') => {
    place.dataset.mood = mood;
    place.replaceChildren(...prose(text));
  };
}

/** Says in words why an answer is not what was wished for. */
export function sayRefusal(say, answer) {
  const { status, body } = answer;
  if (status === 0) say('Nobody answers: the shop is closed, or the network is gone.', 'away');
  else if (status === 503) say(`${awayOf(body)} 503 with Retry-After: ${seconds(retryAfter(answer))}.`, 'away');
  else if (status === 429) say(`\`rateLimit\` refused: ${body?.detail ?? 'too many requests'}`, 'refused');
  else say(`${status}: ${body?.detail ?? 'refused, without a word.'}`, 'refused');
}

/** Whose word it is that something is away. */
function awayOf(body) {
  switch (body?.code) {
    case 'session_unavailable':
      return 'Redis is away. `singleSession` lets nobody in whom it cannot check:';
    case 'idempotency_unavailable':
      return 'Redis is away. `idempotency` runs no order that it cannot remember, and nothing was ordered:';
    case 'rate_limit_unavailable':
      return 'Redis is away. `rateLimit` lets nobody try a password that it cannot count:';
    default:
      return 'A part of the shop is away, Redis or its database.';
  }
}

export const seconds = (count) => `${count} s`;

export const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

const euros = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });

export const money = (cents) => euros.format(cents / 100);

export const timeOfDay = (instant) =>
  new Date(instant).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
