import { ask, retryAfter } from './api.js';
import { byId, element, oneAtATime } from './dom.js';
import { happenedIn, money, sayRefusal, seconds } from './words.js';

const POLICY = 'search';
const SHOWN = 3;

/** A search box that is served ten times a minute, and what the eleventh is told. */
export function showLimits() {
  const say = happenedIn('limits');
  const text = byId('search-text');
  const untilRefused = byId('search-until-refused');
  const quota = quotaMeter();

  async function search() {
    const answer = await ask('GET', `/products?q=${encodeURIComponent(text.value)}`);
    const standing = standingIn(answer);
    if (standing !== undefined) quota.show(standing, answer.status === 429 ? retryAfter(answer) : 0);
    show(answer);
    tell(answer, standing);
    return answer;
  }

  function tell(answer, standing) {
    if (answer.status === 429) {
      const wait = seconds(retryAfter(answer));
      say(
        `\`rateLimit\` refused this search before the database heard of it, and says when to come back: in ${wait}.`,
        'refused',
      );
    } else if (answer.status !== 200) sayRefusal(say, answer);
    else if (isAlone(answer))
      say(
        'Redis is away. `rateLimit` lets this instance count alone, and the database answers, since the cache is away too.',
        'away',
      );
    else {
      const left = standing === undefined ? '' : ` ${standing.left} of ${standing.limit} are left.`;
      const from = /hit/.test(answer.header('Cache-Status') ?? '')
        ? 'the cache had its answer'
        : 'the database answered';
      say(`\`rateLimit\` counted this search in one script in Redis, and ${from}.${left}`);
    }
  }

  const free = oneAtATime([untilRefused]);
  byId('search').addEventListener('submit', (event) => {
    event.preventDefault();
    void search();
  });
  // One after the other, to see the quota go down; whatever is no success ends it.
  untilRefused.addEventListener(
    'click',
    free(async () => {
      while ((await search()).status === 200);
    }),
  );
}

/** Where the cache was not asked because Redis is away, it was not there to count either. */
const isAlone = (answer) => /detail=store/.test(answer.header('Cache-Status') ?? '');

/** `"browse";r=599;t=60, "search";r=9;t=60`, and the limit out of `RateLimit-Policy`. */
function standingIn(answer) {
  const parameters = (header, pattern) => new RegExp(`"${POLICY}";${pattern}`).exec(answer.header(header) ?? '');
  const [, left, resetSeconds] = parameters('RateLimit', String.raw`r=(\d+);t=(\d+)`) ?? [];
  const [, limit] = parameters('RateLimit-Policy', String.raw`q=(\d+)`) ?? [];
  if (left === undefined || limit === undefined) return undefined;
  return { limit: Number(limit), left: Number(left), resetSeconds: Number(resetSeconds) };
}

/** The quota as a bar with a piece for each search, and a countdown. The server's word is shown; in between, the seconds pass. */
function quotaMeter() {
  const bar = byId('quota');
  const words = byId('quota-reset');
  let now = { limit: 10, left: 10 };
  let wholeAt = 0;
  let againAt = 0;
  let ticking;

  function draw({ limit, left }) {
    bar.replaceChildren(...Array.from({ length: limit }, (_, n) => element('i', n < left ? { class: 'left' } : {})));
    bar.dataset.left = left === 0 ? 'none' : left <= 3 ? 'few' : 'many';
    bar.setAttribute('aria-valuemax', limit);
    bar.setAttribute('aria-valuenow', left);
    bar.setAttribute('aria-valuetext', `${left} of ${limit} left`);
    byId('quota-left').textContent = left;
    byId('quota-limit').textContent = limit;
  }

  function tick() {
    const until = (at) => Math.ceil((at - performance.now()) / 1000);
    if (until(wholeAt) <= 0) {
      clearInterval(ticking);
      draw({ ...now, left: now.limit });
      words.textContent = 'all there again';
      return;
    }
    const whole = `all ${now.limit} in ${seconds(until(wholeAt))}`;
    words.textContent = until(againAt) > 0 ? `again in ${seconds(until(againAt))}, ${whole}` : whole;
  }

  draw(now);
  return {
    show(standing, againSeconds) {
      now = standing;
      wholeAt = performance.now() + 1000 * standing.resetSeconds;
      againAt = performance.now() + 1000 * againSeconds;
      draw(standing);
      tick();
      clearInterval(ticking);
      ticking = setInterval(tick, 250);
    },
  };
}

function show(answer) {
  const place = byId('search-answer');
  if (answer.status === 200) place.replaceChildren(...foundIn(answer.body));
  else place.replaceChildren(wire(answer));
}

function foundIn({ products, total }) {
  if (total === 0) return [element('p', { class: 'empty' }, 'Nothing in the catalogue is called that.')];
  const items = products
    .slice(0, SHOWN)
    .map(({ name, priceCents }) => element('li', {}, element('span', {}, name), element('b', {}, money(priceCents))));
  const more = total > SHOWN ? [element('p', { class: 'more' }, `and ${total - SHOWN} more`)] : [];
  return [element('ul', { class: 'found' }, ...items), ...more];
}

/** A refusal as it comes over the wire. */
function wire(answer) {
  const shown = ['Retry-After', 'RateLimit', 'Content-Type'].flatMap((name) => {
    const value = answer.header(name);
    return value === undefined ? [] : [element('div', {}, element('dt', {}, name), element('dd', {}, value))];
  });
  const status = `${answer.status || 'No answer'} ${answer.response?.statusText ?? ''}`;
  return element('div', { class: 'wire' }, element('p', {}, status), element('dl', {}, ...shown));
}
