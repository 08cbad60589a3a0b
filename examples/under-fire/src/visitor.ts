import { type Answer, type Target, ask } from './ask.ts';
import type { Exchange } from './history.ts';

/** Asks the app, and writes down what came of it. */
export interface Visitor {
  take(target: Target, caller: string): Promise<void>;
  /** Resolves to the token. */
  login(target: Target, user: string): Promise<string | undefined>;
  /** Whether the token is believed; undefined when nobody could say. */
  me(target: Target, user: string, token: string): Promise<boolean | undefined>;
  order(
    target: Target,
    how: 'careful' | 'certain',
    token: string,
    key: string,
  ): Promise<Pick<Exchange, 'status' | 'code'>>;
  read(target: Target, page: string): Promise<number | undefined>;
  write(target: Target, page: string): Promise<void>;
}

/** What the cache says of a page that it did not look up. */
const PASSED_BY = 'detail=store';

export function createVisitor(note: (exchange: Exchange) => void): Visitor {
  const timed = async (target: Target, asked: Promise<Answer>) => {
    const sentAt = performance.now();
    const answer = await asked;
    const { code } = answer.json;
    const envelope = {
      instance: target.instance,
      sentAt,
      receivedAt: performance.now(),
      status: answer.status,
      ...(typeof code === 'string' && { code }),
    };
    return { ...answer, envelope };
  };
  const isOk = ({ status }: Answer): boolean => status >= 200 && status < 300;

  return {
    async take(target, caller) {
      const { json, envelope } = await timed(target, ask(target, `/few/${caller}`));
      note({
        ...envelope,
        op: 'take',
        caller,
        ...(typeof json['isDegraded'] === 'boolean' && { isDegraded: json['isDegraded'] }),
      });
    },
    async login(target, user) {
      const answer = await timed(target, ask(target, `/login/${user}`, { method: 'POST' }));
      const token = isOk(answer) ? String(answer.json['token']) : undefined;
      note({ ...answer.envelope, op: 'login', user, ...(token !== undefined && { token }) });
      return token;
    },
    async me(target, user, token) {
      const { envelope } = await timed(target, ask(target, '/me', { token }));
      note({ ...envelope, op: 'me', user, token });
      return envelope.status === 200 ? true : envelope.status === 401 ? false : undefined;
    },
    async order(target, how, token, key) {
      const asked = ask(target, `/orders/${how}`, { method: 'POST', token, key, body: { key } });
      const answer = await timed(target, asked);
      const order = isOk(answer) ? { order: String(answer.json['order']) } : {};
      note({ ...answer.envelope, op: 'order', how, key, ...order });
      return answer.envelope;
    },
    async read(target, page) {
      const answer = await timed(target, ask(target, `/${page}`));
      const version = isOk(answer) ? Number(answer.json['version']) : undefined;
      const isDegraded =
        answer.json['isDegraded'] === true || String(answer.headers['cache-status']).includes(PASSED_BY);
      const isNear = answer.json['isNear'] === true;
      note({ ...answer.envelope, op: 'read', page, isDegraded, isNear, ...(version !== undefined && { version }) });
      return version;
    },
    async write(target, page) {
      const answer = await timed(target, ask(target, `/${page}`, { method: 'PUT' }));
      const said = isOk(answer)
        ? { version: Number(answer.json['version']), isDelivered: answer.json['isDelivered'] === true }
        : {};
      note({ ...answer.envelope, op: 'write', page, ...said });
    },
  };
}
