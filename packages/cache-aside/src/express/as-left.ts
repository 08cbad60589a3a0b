import type { Asked } from './profile.ts';
import type { Rendered, Rendering } from './render.ts';
import { fieldsOf } from './storable.ts';
import { union } from './variants.ts';

/** With what was said of it outside of the cache, as its head left. */
export async function asLeft(rendered: Rendered, { gate }: Rendering, asked: Asked): Promise<Rendered> {
  if (rendered.kind === 'refused') return rendered;
  const head = await gate.left;
  const judgement = asked.judgeLeft(rendered.kept, head);
  if (judgement.kind === 'refused') return judgement;
  // A compression outside says that it looks at Accept-Encoding, and encodes each answer anew.
  const vary = fieldsOf(head.headers['vary']).filter((field) => field !== 'accept-encoding');
  return { ...rendered, kept: judgement.kept, vary: union(rendered.vary, vary) };
}
