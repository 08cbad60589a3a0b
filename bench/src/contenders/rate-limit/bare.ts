import type { Contender } from '../../harness/contender.ts';
import { limitedApp } from './routes.ts';

/** Nothing is limited. */
export const contender: Contender = () => limitedApp(() => []);
