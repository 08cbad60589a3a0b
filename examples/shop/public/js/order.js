import { sharedAccount } from './accounts.js';
import { ask, retryAfter } from './api.js';
import { byId, element, oneAtATime } from './dom.js';
import { happenedIn, money, sayRefusal, seconds } from './words.js';

const PRODUCT = 'p1';

/** Asked again so often at most, while the first click is still being worked on. */
const MOST_RETRIES = 5;

/** One order, sent twice at once with one key. */
export function showOrder() {
  const say = happenedIn('order');
  const bob = sharedAccount({
    email: 'bob@example.com',
    password: 'an umbrella in the hallway',
    device: 'the order panel',
  });
  const form = byId('order-form');
  const clicks = [...byId('clicks').children];
  let key;

  function newOrder() {
    key = newKey();
    byId('order-key').textContent = key;
    byId('stock-before').textContent = '–';
    byId('stock-after').textContent = '–';
    for (const click of clicks) note(click, 'empty', element('p', { class: 'empty' }, 'Not clicked yet.'));
  }

  /** Sends the order; while another click of the same order is being worked on, it waits as it is told, and asks again. */
  async function click(place, quantity) {
    const withKey = { json: { productId: PRODUCT, quantity }, headers: { 'Idempotency-Key': key } };
    note(place, 'waiting', element('p', { class: 'empty' }, 'Sent.'));
    for (let retries = 0; ; retries += 1) {
      const answer = await bob.ask('POST', '/orders', withKey);
      if (answer.body?.code !== 'idempotency_in_flight' || retries === MOST_RETRIES) {
        showAnswer(place, answer, retries);
        return { ...answer, retries };
      }
      const wait = retryAfter(answer);
      note(
        place,
        'waiting',
        status('409', 'in flight'),
        element('p', {}, `The other click has it. Again in ${seconds(wait)}.`),
      );
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
    }
  }

  async function clickTwice() {
    const quantity = byId('order-quantity').valueAsNumber;
    // Signed in beforehand: two clicks that both sign in would sign each other out.
    const me = await bob.ask('GET', '/me');
    if (me.status !== 200) return sayRefusal(say, me);

    const before = await stock();
    byId('stock-before').textContent = before ?? '?';
    byId('stock-after').textContent = '…';
    const answers = await Promise.all(clicks.map((place) => click(place, quantity)));
    const after = await stock();
    byId('stock-after').textContent = after ?? '?';
    tell(answers, before, after);
  }

  function tell(answers, before, after) {
    const refused = answers.find(({ status }) => status !== 201);
    if (refused?.body?.code === 'idempotency_key_reused')
      return say(
        '`idempotency` refused: this key stands for another order, of another quantity. A new order needs a new key.',
        'refused',
      );
    if (refused !== undefined) return sayRefusal(say, refused);

    const replays = answers.filter(isReplay).length;
    const retried = answers.some(({ retries }) => retries > 0)
      ? ' One click came while the other was under way, got 409, and asked again.'
      : '';
    if (replays === 2)
      say(
        `\`idempotency\` knows this key: both clicks got the first answer again, and nothing was ordered (${before} are still ${after}).`,
      );
    else
      say(
        `\`idempotency\` ran one click and replayed its answer to the other: one order, and ${before - after} fewer in stock.${retried}`,
      );
  }

  const free = oneAtATime(form.querySelectorAll('button'));
  form.addEventListener('submit', free(clickTwice));
  byId('order-new').addEventListener(
    'click',
    free(() => {
      newOrder();
      say('A new key, for a new order.');
    }),
  );
  newOrder();
}

async function stock() {
  const { status, body } = await ask('GET', `/products/${PRODUCT}`);
  return status === 200 ? body.stock : undefined;
}

/** As a UUID is random, and also where the page is not served by https. */
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');

const isReplay = (answer) => answer.header('Idempotent-Replayed') === 'true';

const status = (code, word, ...more) =>
  element('p', { class: 'status' }, element('b', {}, code), element('span', { class: 'badge' }, word), ...more);

function note(place, state, ...content) {
  place.dataset.state = state;
  place.replaceChildren(place.querySelector('h3'), ...content);
}

function showAnswer(place, answer, retries) {
  const { body } = answer;
  const again =
    retries > 0 ? element('p', { class: 'again' }, `409 in flight before, asked again after ${seconds(retries)}`) : '';
  if (answer.status !== 201) {
    note(
      place,
      'refused',
      status(answer.status || '–', 'refused'),
      element('p', {}, body?.detail ?? 'No answer.'),
      again,
    );
    return;
  }
  const [number] = body.id.split('-');
  const orderNumber = element('span', { class: 'number', title: body.id }, 'Order ', element('code', {}, number));
  note(
    place,
    isReplay(answer) ? 'replay' : 'placed',
    status('201', isReplay(answer) ? 'replay' : 'placed', orderNumber),
    element('p', {}, `${body.quantity} × Enamel mug, ${money(body.totalCents)}`),
    again,
  );
}
