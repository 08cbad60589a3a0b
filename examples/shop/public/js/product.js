import { sharedAccount } from './accounts.js';
import { ask } from './api.js';
import { byId, element, oneAtATime } from './dom.js';
import { listen } from './events.js';
import { happenedIn, milliseconds, money, sayRefusal, seconds } from './words.js';

const TOGETHER = 5;

/** A product's page and where it came from, and an editor for its price. */
export function showProduct() {
  const say = happenedIn('product');
  const eve = sharedAccount({
    email: 'eve@example.com',
    password: 'keys under the third pot',
    device: 'the price panel',
  });
  const [chosen, price] = [byId('product-id'), byId('price')];
  let shown;
  let isChanging = false;

  /** Looks `times` at once. `why` is told first. */
  async function look({ times = 1, why = '' } = {}) {
    const id = chosen.value;
    const answers = await Promise.all(Array.from({ length: times }, () => ask('GET', `/products/${id}`)));
    // Another product has been chosen meanwhile.
    if (id !== chosen.value) return;
    const refused = answers.find(({ status }) => status !== 200);
    if (refused !== undefined) {
      byId('product-badges').replaceChildren(badge({ name: String(refused.status || 'no answer'), count: 1 }));
      return sayRefusal(say, refused);
    }
    show(answers);
    tell(answers, why);
  }

  function show(answers) {
    const last = answers.at(-1);
    const { priceCents, stock } = last.body;
    const isNew = shown?.id === last.body.id && shown.priceCents !== priceCents;
    if (shown?.id !== last.body.id || isNew) price.value = (priceCents / 100).toFixed(2);
    shown = last.body;
    const priceTag = byId('product-price');
    priceTag.textContent = money(priceCents);
    // Taken off and put on again, so that it is played again.
    priceTag.classList.remove('changed');
    if (isNew) requestAnimationFrame(() => priceTag.classList.add('changed'));
    byId('product-stock').textContent = `${stock} in stock`;
    byId('product-badges').replaceChildren(...tally(answers.map(outcomeOf)).map(badge));
    byId('product-age').textContent =
      last.header('Age') === undefined ? 'just rendered' : seconds(Number(last.header('Age')));
    const took = answers.flatMap(({ serverMs }) => serverMs ?? []);
    const bounds = new Set([Math.min(...took), Math.max(...took)]);
    byId('product-took').textContent = took.length > 0 ? [...bounds].map(milliseconds).join(' to ') : '–';
  }

  function tell(answers, why) {
    const outcomes = tally(answers.map(outcomeOf));
    const count = (name) => outcomes.find((outcome) => outcome.name === name)?.count ?? 0;
    if (count('bypass') > 0)
      say(`${why}Redis is away: \`cacheResponse\` is passed by, and each look is rendered from the database.`, 'away');
    else if (count('hit') === answers.length && answers.length > 1)
      say(
        `${why}\`cacheResponse\` had this page in Redis for all ${answers.length} looks; the database heard of none.`,
      );
    else if (answers.length > 1)
      say(
        `${why}\`cacheResponse\` rendered the page ${timesWord(count('miss'))} for ${answers.length} looks at once: ${outcomes.map(({ name, count }) => `${count} ${name}`).join(', ')}.`,
      );
    else say(`${why}${outcomeOf(answers[0]).sentence}`);
  }

  async function changePrice() {
    const priceCents = Math.round(price.valueAsNumber * 100);
    isChanging = true;
    const answer = await eve.ask('PUT', `/products/${chosen.value}/price`, { json: { priceCents } });
    if (answer.status === 200)
      await look({
        times: TOGETHER,
        why: '`invalidates` put the page out of date before the new price was answered. ',
      });
    else sayRefusal(say, answer);
    isChanging = false;
  }

  byId('look').addEventListener('click', () => void look());
  byId('look-together').addEventListener('click', () => void look({ times: TOGETHER }));
  chosen.addEventListener('change', () => void look());
  const editor = byId('price-form');
  editor.addEventListener('submit', oneAtATime(editor.querySelectorAll('button'))(changePrice));

  listenAs(eve, say, {
    // What was said while nobody listened is not said again: the page knows.
    open: () => shown && !isChanging && look(),
    price({ id, priceCents }) {
      // What this tab changes itself, it is about to look at.
      if (!isChanging && id === chosen.value && priceCents !== shown?.priceCents)
        void look({ why: `\`/events\` told this tab: ${money(priceCents)} from now on. ` });
    },
  });
  void look();
}

/** Listens while somebody is signed in as this account, in whichever tab, and shows how it stands. */
function listenAs(account, say, on) {
  const place = byId('product-listening');
  const stand = (state, text) => {
    place.dataset.state = state;
    place.textContent = text;
  };
  let listeningWith;
  let stop;

  function follow() {
    const token = account.token();
    if (token === listeningWith) return;
    stop?.();
    listeningWith = token;
    stand('off', 'not listening');
    if (token === undefined) return;
    stop = listen(token, {
      ...on,
      open() {
        stand('on', 'listening');
        on.open();
      },
      lost: () => stand('lost', 'trying again'),
      refused: () => account.forget(token),
      ended({ by }) {
        account.forget(token);
        if (by !== undefined) say(`\`singleSession\` signed eve out: somebody signed in as eve on ${by}.`, 'refused');
      },
    });
  }
  account.onChange(follow);
  follow();
}

/** What `Cache-Status` (RFC 9211) says, in a word and in a sentence. */
function outcomeOf(answer) {
  const said = answer.header('Cache-Status') ?? '';
  const [, ttl] = /\bhit; ttl=(-?\d+)/.exec(said) ?? [];
  if (Number(ttl) < 0)
    return { name: 'stale', sentence: '`cacheResponse` showed the page it had, and has it rendered anew meanwhile.' };
  if (ttl !== undefined)
    return { name: 'hit', sentence: `\`cacheResponse\` had this page in Redis; it is fresh for ${ttl} s more.` };
  if (/collapsed/.test(said))
    return { name: 'collapsed', sentence: '`cacheResponse` waited for a rendering that another look had begun.' };
  if (/bypass/.test(said)) return { name: 'bypass', sentence: '`cacheResponse` was passed by.' };
  return {
    name: 'miss',
    sentence: '`cacheResponse` did not have this page: it was rendered from the database, and is kept now.',
  };
}

const badge = ({ name, count }) =>
  element('span', { class: 'badge', 'data-outcome': name }, count > 1 ? `${count} × ${name}` : name);

const timesWord = (count) => ['not at all', 'once', 'twice'][count] ?? `${count} times`;

/** How many there are of each. */
function tally(outcomes) {
  const names = outcomes.map(({ name }) => name);
  return [...new Set(names)].map((name) => ({ name, count: names.filter((other) => other === name).length }));
}
