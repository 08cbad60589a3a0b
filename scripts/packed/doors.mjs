// The doors of the published packages, by which their users come in, and which of them the apps of pack-fixtures/ use.

/** What can be imported of a package: `@turnpike/core/http` for the `./http` of its `exports`. */
export const doorsOf = ({ name, exports }) =>
  Object.keys(exports)
    .filter((door) => door !== './package.json')
    .map((door) => name + door.slice(1));

const OPENED =
  /^import (?!type\b)(?:[^;']*from )?'(?<imported>@turnpike\/[^']+)'|\brequire\('(?<required>@turnpike\/[^']+)'\)/gm;

/** What a module imports or requires when it runs: a type alone opens no door. */
export const usedDoors = (source) =>
  [...source.matchAll(OPENED)].map(({ groups: { imported, required } }) => imported ?? required);
