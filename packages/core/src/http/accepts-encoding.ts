/**
 * Whether a client that sent this Accept-Encoding takes an answer in this content coding (RFC 9110 §12.5.3). Without the
 * header the RFC allows any, but who sends none can hardly decode: no.
 */
export function acceptsEncoding(header: string | undefined, coding: string): boolean {
  const weights = new Map<string, number>();
  for (const item of (header ?? '').split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (name !== '') weights.set(canonicalCoding(name), weightOf(parameters));
  }
  return (weights.get(canonicalCoding(coding)) ?? weights.get('*') ?? 0) > 0;
}

/** The name of a content coding, whichever of its names was used (RFC 9110 §8.4.1.3). */
export function canonicalCoding(name: string): string {
  const lower = name.trim().toLowerCase();
  return lower === 'x-gzip' ? 'gzip' : lower;
}

function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
  if (weight === undefined) return 1;
  const q = Number(weight.slice(weight.indexOf('=') + 1));
  return Number.isNaN(q) ? 0 : q;
}
