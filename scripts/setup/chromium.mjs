// Where a Chromium comes from. The tests fetch none: distributions and people have theirs.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { aptInstall } from './apt-install.mjs';
import { Stop } from './task.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const { TURNPIKE_CHROMIUM, PATH = '' } = process.env;

/** The browser that the end-to-end tests drive, as a path. */
export function chromium() {
  const found = find();
  if (found === undefined) {
    throw new Stop(
      'The end-to-end tests need a Chromium: `apt-get install chromium`, `brew install --cask chromium`, or TURNPIKE_CHROMIUM=<path of one>.',
    );
  }
  return found;
}

/** Installs one where there is none, and this is root. @throws Stop where there is none after that */
export async function bringChromium() {
  if (find() === undefined) await aptInstall('chromium');
}

function find() {
  const onPath = PATH.split(delimiter)
    .filter(Boolean)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const candidates = TURNPIKE_CHROMIUM ? [TURNPIKE_CHROMIUM] : ['/usr/bin/chromium', ...onPath];
  return candidates.find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
