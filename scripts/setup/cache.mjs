// Things fetched once into .cache, whole or not at all.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { atEnd } from './task.mjs';
import { root } from './workspace.mjs';

export const cachePath = (...path) => join(root, '.cache', ...path);

/**
 * The folder `.cache/<name>`; when it is not there, what `make` puts into the folder it is given. That one is renamed
 * into place, so an interrupted `make` leaves nothing that looks made. Undefined when `make` returns false.
 */
export async function cached(name, make) {
  const place = cachePath(name);
  if (existsSync(place)) return place;

  mkdirSync(cachePath(), { recursive: true });
  const work = mkdtempSync(`${place}-`);
  const remove = () => rmSync(work, { recursive: true, force: true });
  const forget = atEnd(remove);
  try {
    if ((await make(work)) === false) return undefined;
    // Somebody else may have been quicker: theirs is as good.
    if (!existsSync(place)) renameSync(work, place);
    return place;
  } finally {
    remove();
    forget();
  }
}
