import type { RedisServer } from '@turnpike/test-kit';
import type { Http } from './http.ts';
import type { Load } from './load.ts';
import type { Target } from './target.ts';

/** What a contender is measured as. */
type Role =
  /** Express and the handler, with nothing between them: what is added is added to this. */
  | 'bare'
  /** The least that could do the job, by hand. */
  | 'limit'
  | 'turnpike'
  | 'rival';

/** Who takes part in a case. */
export interface Entrant {
  readonly name: string;
  readonly role: Role;
  /** The file in `contenders/`, without its ending. */
  readonly file: string;
  readonly variant: string;
  /** What it does not do, of what Turnpike's contender does. */
  readonly lacks?: string;
}

/** A contender that runs. */
export interface Place {
  readonly app: Http;
  readonly redis: RedisServer;
  readonly entrant: Entrant;
}

/** How much memory one thing takes in Redis: a caller, a session, an answer. */
export interface Weighing {
  /** Of what: 'caller', 'session'. */
  readonly thing: string;
  /**
   * How many are made. Of one, all that is in Redis is its weight; of several, what each further one adds, so that what
   * they share is not counted.
   */
  readonly things: number;
  make(place: Place, n: number): Promise<void>;
  /** Bytes that are the user's own, and not counted. @default 0 */
  readonly payloadBytes?: number;
}

/** One thing that is asked of all contenders, in one form. */
export interface Case {
  /** Names it in results: 'rate-limit/allow-1'. */
  readonly id: string;
  readonly title: string;
  /** What is sent, and what is compared. */
  readonly about: string;
  /** The first is the bare one. */
  readonly entrants: readonly Entrant[];
  /** Throws where a contender does not do what it is measured for: then it is not measured. The bare one is not asked. */
  check(place: Place): Promise<void>;
  /** Puts in place what the requests need, and says what they are. */
  load(place: Place): Promise<Load>;
  /** Throws where a contender did under load something else than what it was measured for. */
  verify?(place: Place): Promise<void>;
  readonly weighing?: Weighing;
  readonly targets?: readonly Target[];
  /** True where it is measured how many round trips to Redis follow each other in one request. @default false */
  readonly roundTrips?: boolean;
}
