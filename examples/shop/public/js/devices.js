import { ask } from './api.js';
import { byId, element, oneAtATime } from './dom.js';
import { listen } from './events.js';
import { happenedIn, sayRefusal, timeOfDay } from './words.js';

const ACCOUNT = { email: 'ann@example.com', password: 'correct horse battery staple' };

const WHY = {
  logged_out: 'Signed out',
  revoked: 'Revoked',
  idle: 'Signed out: unused for too long',
  expired: 'Signed out: its time was over',
};

/** Two devices of one account, of which one at a time is signed in. */
export function showDevices() {
  const say = happenedIn('devices');
  byId('device-list').append(...['Phone', 'Laptop'].map((name) => device(name, say)));
}

/** An address may be broken behind its `@`, where the card is narrow, rather than anywhere. */
const breakable = (who) => who.split(/(?<=@)/).flatMap((part, n) => (n > 0 ? [element('wbr'), part] : [part]));

function device(name, say) {
  const card = byId('device-template').content.cloneNode(true).firstElementChild;
  const part = (selector) => card.querySelector(selector);
  const [signInButton, signOutButton] = [part('[data-do="in"]'), part('[data-do="out"]')];
  const titleId = `device-${name.toLowerCase()}`;
  part('h3').textContent = name;
  part('h3').id = titleId;
  card.setAttribute('aria-labelledby', titleId);
  signInButton.setAttribute('aria-label', `Sign in on ${name}`);
  signOutButton.setAttribute('aria-label', `Sign out on ${name}`);

  // Of this tab alone, and there after a reload: another tab is another phone.
  const place = `shop:device:${name}`;
  let token = sessionStorage.getItem(place) ?? undefined;
  let stopListening;

  /** Another browser has a phone of the same name. */
  const called = (other) => (other === name ? `another ${name}` : other);

  function remember(newToken) {
    token = newToken;
    if (newToken === undefined) sessionStorage.removeItem(place);
    else sessionStorage.setItem(place, newToken);
  }

  function show(state, who, since = '') {
    card.dataset.state = state;
    part('.who').replaceChildren(...breakable(who));
    part('.since').textContent = since;
    const isIn = state === 'in';
    const focused = document.activeElement;
    const hadFocus = card.contains(focused);
    signInButton.hidden = isIn;
    signOutButton.hidden = !isIn;
    if (!isIn) part('.sessions').replaceChildren();
    // The button that was pressed is gone: whoever works by keyboard goes on from the other.
    if (hadFocus && (focused.hidden || !focused.isConnected)) (isIn ? signOutButton : signInButton).focus();
  }

  function stream(text, state) {
    part('.stream').textContent = text;
    part('.stream').dataset.state = state;
  }

  function leave(state, who, since) {
    stopListening?.();
    stopListening = undefined;
    remember(undefined);
    stream('not listening', 'off');
    show(state, who, since);
  }

  const sayWorthless = (who) =>
    say(`\`singleSession\` ended the session of ${who}: its token is worth nothing from now on.`);

  async function signIn() {
    const answer = await ask('POST', '/login', { json: { ...ACCOUNT, device: name } });
    if (answer.status !== 200) return sayRefusal(say, answer);
    remember(answer.body.token);
    const [other] = answer.body.signedOut.map(called);
    say(
      other === undefined
        ? `\`singleSession\` began a session for ${name}, in one script in Redis.`
        : `\`singleSession\` let ${name} in and ended the session of ${other} in the same script. ${other} heard of it by \`/events\`.`,
    );
    await enter();
  }

  /** Who we are, by the token we have; then listens. */
  async function enter() {
    const mine = token;
    const me = await ask('GET', '/me', { token: mine });
    if (mine !== token) return;
    if (me.status === 401) return kicked(me.body);
    if (me.status !== 200) {
      show('unsure', 'Not known at the moment');
      return sayRefusal(say, me);
    }
    show('in', me.body.user, `${me.body.role}, since ${timeOfDay(me.body.since)}`);
    stopListening?.();
    stopListening = listen(mine, {
      open: () => stream('listening', 'on'),
      lost: () => stream('trying again', 'lost'),
      refused: (answer) => kicked(answer.body),
      ended: (why) => ended(mine, why),
    });
    await showSessions(mine);
  }

  async function showSessions(mine) {
    const answer = await ask('GET', '/devices', { token: mine });
    if (answer.status !== 200 || mine !== token) return;
    part('.sessions').replaceChildren(
      ...answer.body.devices.map(({ handle, device: known, isThis }) => {
        const revoke = element('button', { type: 'button', 'aria-label': `Revoke ${known}` }, 'Revoke');
        const end = async () => {
          const done = await ask('DELETE', `/devices/${handle}`, { token: mine });
          if (done.status === 204) sayWorthless(known);
          else sayRefusal(say, done);
        };
        revoke.addEventListener('click', oneAtATime([revoke])(end));
        return element('li', {}, element('span', {}, isThis ? `${known} (this one)` : known), revoke);
      }),
    );
  }

  async function ended(mine, { reason, by }) {
    // Signed out here, by the button: that said so itself.
    if (mine !== token) return;
    const at = timeOfDay(Date.now());
    if (by === undefined) leave('out', WHY[reason] ?? 'Signed out', `at ${at}`);
    else leave('kicked', `Signed out by ${called(by)}`, `at ${at}`);
    // The token says nothing of it, and is refused all the same.
    const refused = await ask('GET', '/me', { token: mine });
    if (refused.status === 401 && token === undefined)
      part('.since').textContent = `at ${at}: 401 ${refused.body.code}`;
  }

  /** Learnt late, by a refusal: after a reload, or a time without a stream. */
  function kicked({ code, 'replaced-by': by } = {}) {
    if (by !== undefined) leave('kicked', `Signed out by ${called(by.device)}`, `at ${timeOfDay(by.at)}: 401 ${code}`);
    else leave('out', 'Signed out', code ? `401 ${code}` : '');
  }

  async function signOut() {
    const answer = await ask('POST', '/logout', { token });
    if (answer.status === 204) {
      leave('out', 'Signed out', 'by itself');
      sayWorthless(name);
    } else if (answer.status === 401) kicked(answer.body);
    else sayRefusal(say, answer);
  }

  const free = oneAtATime([signInButton, signOutButton]);
  signInButton.addEventListener('click', free(signIn));
  signOutButton.addEventListener('click', free(signOut));
  if (token !== undefined) void enter();
  return card;
}
