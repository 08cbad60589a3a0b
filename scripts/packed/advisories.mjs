// Whether anything that an app installs with the packages has a known hole of a high rating or above.

/**
 * What `npm audit --json` said: `'none'`, `'unknown'` where the registry would not tell, or the names of what is affected.
 */
export function advisoriesIn(output) {
  const [json] = /\{[\s\S]*\}/.exec(output) ?? [];
  if (json === undefined) return 'unknown';
  const { vulnerabilities } = JSON.parse(json);
  // An error of npm's is JSON, too.
  if (vulnerabilities === undefined) return 'unknown';
  const grave = Object.values(vulnerabilities).filter(({ severity }) => /^(high|critical)$/.test(severity));
  return grave.length === 0 ? 'none' : grave.map(({ name, severity, range }) => `${name} ${range} (${severity})`);
}

const NOT_KNOWN = 'not known: the registry told nothing of advisories';

/** What is said of it, or what it is refused for: also what is not known, where it is required to be. */
export function verdictOn(found, isRequired) {
  if (found === 'none') return { remark: '' };
  if (found === 'unknown') return isRequired ? { refusal: NOT_KNOWN } : { remark: NOT_KNOWN };
  return { refusal: `Known holes in what an app is given:\n${found.join('\n')}` };
}
