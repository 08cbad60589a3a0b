const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** An HTTP-date (RFC 9110 §5.6.7) in ms since 1970; NaN for whatever else `Date.parse` would take for one. */
export function httpDate(text: string | undefined): number {
  const date = text?.trim() ?? '';
  if (IMF_FIXDATE.test(date) || RFC_850.test(date)) return Date.parse(date);
  return ASCTIME.test(date) ? Date.parse(`${date} GMT`) : Number.NaN;
}
