import { ask } from './api.js';

/**
 * Somebody who is signed in for all tabs of this browser: each tab signing in for itself would sign out the one before,
 * because an account is open on one device.
 */
export function sharedAccount({ email, password, device }) {
  const place = `shop:${email}`;
  const listeners = new Set();
  const told = () => {
    for (const listener of listeners) listener();
  };
  // Fires in the other tabs only.
  addEventListener('storage', ({ key }) => key === place && told());

  const account = {
    token: () => localStorage.getItem(place) ?? undefined,
    /** Called when somebody has signed in or out, here or in another tab. */
    onChange: (listener) => listeners.add(listener),
    /** What is remembered may have ended meanwhile: whoever is told 401 forgets it. */
    forget(token) {
      if (account.token() !== token) return;
      localStorage.removeItem(place);
      told();
    },
    /** Resolves to undefined, or to the answer that kept us out. */
    async signIn() {
      const answer = await ask('POST', '/login', { json: { email, password, device } });
      if (answer.status !== 200) return answer;
      localStorage.setItem(place, answer.body.token);
      told();
    },
    /** Asks as this account, and signs in first where nobody is, or is no longer. */
    async ask(method, path, options) {
      const tried = account.token();
      if (tried !== undefined) {
        const answer = await ask(method, path, { ...options, token: tried });
        if (answer.status !== 401) return answer;
        account.forget(tried);
      }
      return (await account.signIn()) ?? ask(method, path, { ...options, token: account.token() });
    },
  };
  return account;
}
