import type { Normal } from '../express/variants.ts';

/** Fields whose values are the same in whatever case (RFC 9110 §12.5.4, RFC 4647 §2). */
const CASELESS: ReadonlySet<string> = new Set(['accept-language']);

/** Spaces beside the commas of a list, outside of what is quoted. */
const SPACED_COMMA = /("(?:[^"\\]|\\.)*")|[ \t]*,[ \t]*/g;

/**
 * Which ways of saying a field are the same (RFC 9111 §4.1): with spaces or without, over one line or several. The order of a
 * list may mean something, and stays.
 */
export const normalField: Normal = (field, value) => {
  if (value === undefined) return undefined;
  const text = [value].flat().join(',').trim();
  const dense = text.replaceAll(SPACED_COMMA, (_, quoted: string | undefined) => quoted ?? ',');
  return CASELESS.has(field) ? dense.toLowerCase() : dense;
};
