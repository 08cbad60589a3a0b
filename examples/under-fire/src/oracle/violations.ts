import type { KnowingDatabase } from '../database.ts';
import type { History } from '../history.ts';
import { tooManyAdmitted } from './limits.ts';
import { orderedTwice } from './orders.ts';
import { staleReads } from './pages.ts';
import { unanswered } from './patience.ts';
import { wrongDevices } from './sessions.ts';

/** Every promise that was not kept, each in one line that says by whom and when. */
export const violationsIn = (history: History, database: Pick<KnowingDatabase, 'runs'>): string[] => [
  ...tooManyAdmitted(history).map((said) => `limit: ${said}`),
  ...orderedTwice(history, database).map((said) => `order: ${said}`),
  ...wrongDevices(history).map((said) => `session: ${said}`),
  ...staleReads(history).map((said) => `page: ${said}`),
  ...unanswered(history).map((said) => `request: ${said}`),
];
