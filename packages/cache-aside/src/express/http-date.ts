/** In the order of RFC 9110 §5.6.7. A cache does not mind the case of names and zone (RFC 9111 §4.2). */
const FORMATS = [
  /^[a-z]{3}, (?<day>\d\d) (?<month>[a-z]{3}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/i,
  /^[a-z]{6,9}, (?<day>\d\d)-(?<month>[a-z]{3})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/i,
  /^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/i,
];

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** An HTTP-date (RFC 9110 §5.6.7) in ms since 1970; NaN for whatever else `Date.parse` would take for one. */
export function httpDate(text: string | undefined): number {
  const date = text?.trim() ?? '';
  const parts = FORMATS.map((format) => format.exec(date)?.groups).find((groups) => groups !== undefined);
  if (parts === undefined) return Number.NaN;
  const { day = '', month = '', year = '', time = '' } = parts;
  const [hours = 24, minutes = 60, seconds = 61] = time.split(':').map(Number);
  const monthIndex = MONTHS.indexOf(month.toLowerCase());
  // Date would count on into the next day, or month.
  if (monthIndex < 0 || hours > 23 || minutes > 59 || seconds > 60) return Number.NaN;
  const dayMs = Date.UTC(year.length === 2 ? nearestYear(Number(year)) : Number(year), monthIndex, Number(day));
  if (new Date(dayMs).getUTCMonth() !== monthIndex || Number(day) === 0) return Number.NaN;
  return dayMs + ((hours * 60 + minutes) * 60 + seconds) * 1000;
}

/** The year with these last digits that is not more than 50 years ahead. */
function nearestYear(digits: number): number {
  const latest = new Date().getUTCFullYear() + 50;
  return latest - ((((latest - digits) % 100) + 100) % 100);
}
