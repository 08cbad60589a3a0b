export { type Attachment, attachment, notMounted } from './attachment.ts';
export { type ErrorCode, OptionError, StoreError, type StoreErrorCode, TurnpikeError, asError } from './errors.ts';
export { eventsOf } from './events.ts';
export { warnOfEviction } from './eviction.ts';
export { isolated } from './isolated.ts';
export { type Keyspace, keyspace, pseudonym, segment } from './key.ts';
export type { HttpRequest, HttpResponse, Middleware, Next } from './middleware.ts';
export { type OptionChecks, optionChecks, withDefaults } from './options.ts';
export { type OnProblem, type Problem, ProblemError, passProblem, problemBody, writeProblem } from './problem.ts';
export { randomIds } from './random-id.ts';
export { type RedisArgument, type RedisClient, assertRedisClient, isCluster, keyPrefixOf } from './redis-client.ts';
export { socketsRead } from './caller.ts';
export { retrySoon } from './retry-soon.ts';
export { type Script, type ScriptCall, type ScriptDefinition, defineScript } from './script.ts';
export { type CallOptions, type Reading, type Store, storeOf } from './store.ts';
export {
  type Listener,
  type Subscriber,
  type SubscriberClient,
  createSubscriber,
  listeningConnection,
  subscriberOf,
} from './subscriber.ts';
export { atTurnEnd } from './turn.ts';
export { type Warn, type WarningCode, warnOnce } from './warnings.ts';
