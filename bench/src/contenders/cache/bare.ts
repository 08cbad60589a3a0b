import type { Contender } from '../../harness/contender.ts';
import { bytesApp, dataApp } from './routes.ts';

/** No cache: a product is made at once. The variant says whether it is bytes. */
export const contender: Contender = ({ variant }) => {
  const invalidate = async (): Promise<void> => undefined;
  return variant === 'bytes'
    ? bytesApp((load) => ({ get: load, invalidate }))
    : dataApp((load) => ({ get: load, invalidate }));
};
