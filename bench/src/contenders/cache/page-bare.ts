import type { Contender } from '../../harness/contender.ts';
import { pageApp } from './pages.ts';

/** Every page is made anew. */
export const contender: Contender = () => pageApp((_req, _res, next) => next());
