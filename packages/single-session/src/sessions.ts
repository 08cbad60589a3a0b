import {
  type Keyspace,
  type Store,
  StoreError,
  eventsOf,
  keyPrefixOf,
  keyspace,
  pseudonym,
  retrySoon,
  storeOf,
  warnOfEviction,
  warnOnce,
} from '@turnpike/core';
import type { CheckedOptions } from './options.ts';
import {
  type Admitted,
  type EndReason,
  type Rotated,
  type SessionRecord,
  admit,
  list,
  revoke,
  rotate,
  verify,
} from './scripts.ts';
import { LoginRejectedError, SessionEndedError, type SessionInfo } from './session.ts';
import { handleOf, hashOf, isHandle, isOfRealm, newSid } from './sid.ts';

/** What a token has to say for itself. */
export interface Credential {
  readonly userId: string;
  readonly sid: string;
  readonly gen: number;
}

/** A session that was begun. */
interface Begun {
  readonly sid: string;
  readonly gen: number;
  readonly info: SessionInfo;
  readonly replaced: readonly { readonly handle: string; readonly device: string }[];
}

/** On the diagnostics channel `turnpike:single-session`. */
export interface SingleSessionEvent {
  readonly type: 'login' | 'rejected' | 'refused' | 'ended' | 'healed' | 'degraded';
  readonly reason?: string;
}

const emit = eventsOf<SingleSessionEvent>('single-session');

/** Longer labels are cut: a device may not fill Redis. In characters. */
const LONGEST_DEVICE = 64;

/** The sessions of all users, without HTTP and without tokens. */
export interface Sessions {
  readonly channel: string;
  begin(userId: string, device: string): Promise<Begun>;
  /** The session behind a credential. @throws SessionEndedError, StoreError */
  check(credential: Credential): Promise<SessionInfo>;
  /** The successor of a session's n-th refresh token. @throws SessionEndedError, StoreError */
  rotate(credential: Credential, n: number, graceMs: number): Promise<{ readonly n: number; readonly restMs: number }>;
  list(userId: string): Promise<SessionInfo[]>;
  /** Ends the credential's own session, and no other. False when it had ended. */
  end(credential: Pick<Credential, 'userId' | 'sid'>): Promise<boolean>;
  endOne(userId: string, handle: string): Promise<boolean>;
  endOthers(credential: Pick<Credential, 'userId' | 'sid'>): Promise<number>;
  endAll(userId: string): Promise<number>;
}

export function createSessions(options: CheckedOptions): Sessions {
  const { check, redis, limit, policy, lifetimes, tellDisplaced, deadlineMs, prefix, pepper } = options;
  const keys: Keyspace = keyspace('single-session', prefix);
  const store: Store = storeOf(redis);
  const channel = `${prefix}:v1:single-session:ended`;
  /** As the subscriber hears it: a client prefixes keys by itself, and channels it does not. */
  const published = keyPrefixOf(redis) + channel;
  let eviction: Promise<void> | undefined;

  const keyOf = (userId: unknown): string => {
    check.must(typeof userId === 'string' && userId !== '', 'userId', 'a string that is not empty', userId);
    return keys([pepper === undefined ? (userId as string) : pseudonym(userId as string, pepper)]);
  };

  const limitOf = async (userId: string): Promise<number> => {
    const found = typeof limit === 'function' ? await limit(userId) : limit;
    check.integer('limit', found, 1, 1000);
    return found;
  };

  const infoOf = (hash: string, { device, startedMs, seenMs }: Omit<SessionRecord, 'hash'>): SessionInfo => ({
    handle: handleOf(hash),
    device,
    startedAt: new Date(startedMs),
    seenAt: new Date(seenMs),
  });

  const ask = async (userId: string, sid: string, device: string, healGen: number): Promise<Admitted> => {
    const [key, hash] = [keyOf(userId), hashOf(sid)];
    const admission = {
      key,
      channel: published,
      hash,
      device,
      limit: await limitOf(userId),
      policy,
      lifetimes,
      healGen,
    };
    /** Nobody was told of it: it must not stand in anyone's way. What is healed was told of long before. */
    const giveBack = (): void => {
      const free = (): Promise<string[]> => end(key, hash, 'own', 'logged_out');
      if (healGen === 0) free().catch(() => retrySoon(free));
    };
    const onAbandoned = (late: Admitted): void => {
      if (late.kind === 'admitted') giveBack();
    };
    try {
      return await store.call(admit, admission, { deadlineMs, onAbandoned });
    } catch (error) {
      // The client may have given it up by itself, and then no reply of it will come.
      if (error instanceof StoreError && error.mayHaveRun) giveBack();
      throw error;
    }
  };

  const end = async (
    key: string,
    hash: string,
    which: 'own' | 'one' | 'others' | 'all',
    reason: 'revoked' | 'logged_out',
  ): Promise<string[]> => {
    const ended = await store.call(revoke, { key, channel: published, which, hash, reason, lifetimes }, { deadlineMs });
    ended.forEach(() => emit(() => ({ type: 'ended', reason })));
    return ended;
  };

  const refused = (reason: EndReason, atMs = 0, device = ''): SessionEndedError => {
    emit(() => ({ type: 'refused', reason }));
    const isTold = tellDisplaced && reason === 'replaced' && atMs > 0;
    return new SessionEndedError(reason, isTold ? { device, at: new Date(atMs) } : undefined);
  };

  /** A token whose login a failover has lost wins its seat back, if nothing stands against it. */
  const heal = async ({ userId, sid, gen }: Credential): Promise<SessionInfo> => {
    if (!isOfRealm(sid, prefix)) throw refused('unknown');
    const healed = await ask(userId, sid, '', gen);
    if (healed.kind === 'refused') throw refused(healed.reason);
    if (healed.kind === 'rejected') throw refused('replaced');
    if (healed.isNew) emit(() => ({ type: 'healed' }));
    return infoOf(hashOf(sid), { gen, startedMs: healed.startedMs, seenMs: Date.now(), device: '' });
  };

  return {
    channel,
    async begin(userId, device) {
      check.must(typeof device === 'string', 'device', 'a string', device);
      const label = Array.from(device).slice(0, LONGEST_DEVICE).join('');
      const sid = newSid(prefix);
      // A record that was evicted signs its user out, and forgets what ended.
      eviction ??= warnOfEviction(store, keyOf(userId), warnOnce('singleSession'));
      const admitted = await ask(userId, sid, label, 0);
      if (admitted.kind === 'refused') throw refused(admitted.reason);
      if (admitted.kind === 'rejected') {
        emit(() => ({ type: 'rejected' }));
        throw new LoginRejectedError(admitted.sessions.map((record) => infoOf(record.hash, record)));
      }
      emit(() => ({ type: 'login' }));
      const { gen, startedMs, replaced } = admitted;
      replaced.forEach(() => emit(() => ({ type: 'ended', reason: 'replaced' })));
      return {
        sid,
        gen,
        info: infoOf(hashOf(sid), { gen, startedMs, seenMs: startedMs, device: label }),
        replaced: replaced.map((one) => ({ handle: handleOf(one.hash), device: one.device })),
      };
    },
    async check(credential) {
      const { userId, sid, gen } = credential;
      const hash = hashOf(sid);
      const said = await store.call(verify, { key: keyOf(userId), hash, gen, lifetimes }, { deadlineMs });
      if (said.kind === 'lost') return heal(credential);
      if (said.kind === 'ended') throw refused(said.reason, said.atMs, said.device);
      return infoOf(hash, said.session);
    },
    async rotate(credential, n, graceMs) {
      const { userId, sid, gen } = credential;
      const rotation = { key: keyOf(userId), channel: published, hash: hashOf(sid), gen, n, graceMs, lifetimes };
      const turn = (): Promise<Rotated> => store.call(rotate, rotation, { deadlineMs });
      let said = await turn();
      if (said.kind === 'lost') {
        await heal(credential);
        said = await turn();
      }
      if (said.kind === 'rotated') return said;
      if (said.kind === 'ended') throw refused(said.reason, said.atMs, said.device);
      if (said.kind === 'lost') throw refused('unknown');
      emit(() => ({ type: 'ended', reason: 'refresh_reused' }));
      throw refused('refresh_reused');
    },
    async list(userId) {
      const records = await store.call(list, { key: keyOf(userId), lifetimes }, { deadlineMs });
      return records.map((record) => infoOf(record.hash, record)).toReversed();
    },
    async end({ userId, sid }) {
      return (await end(keyOf(userId), hashOf(sid), 'own', 'logged_out')).length > 0;
    },
    async endOne(userId, handle) {
      // It may come from a URL. What is no handle names no session, and its beginning must not name several.
      return isHandle(handle) && (await end(keyOf(userId), handle, 'one', 'revoked')).length > 0;
    },
    async endOthers({ userId, sid }) {
      return (await end(keyOf(userId), hashOf(sid), 'others', 'revoked')).length;
    },
    async endAll(userId) {
      return (await end(keyOf(userId), '', 'all', 'revoked')).length;
    },
  };
}

/** Tells of a session that was believed by its token alone. */
export const emitDegraded = (): void => emit(() => ({ type: 'degraded' }));

export const isStoreAway = (error: unknown): error is StoreError => StoreError.isPassing(error);
