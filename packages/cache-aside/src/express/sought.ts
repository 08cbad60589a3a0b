import type { IncomingHttpHeaders } from 'node:http';
import type { Asked } from './profile.ts';
import type { Rendered, Rendering, RenderOptions } from './render.ts';

/** What is looked for. */
export interface Sought {
  readonly url: string;
  /** By which its pages differ; undefined: what stands behind the URL itself. */
  readonly fields: readonly string[] | undefined;
  /** Of the request, as it came. */
  readonly headers: IncomingHttpHeaders;
  readonly asked: Asked;
}

/** What whoever waits for the handler itself wants to know of it. */
export interface Witness extends Pick<RenderOptions, 'onHead'> {
  /** It is about to run. */
  onBegin(rendering: Rendering): void;
  onRendered(rendered: Rendered, rendering: Rendering): void;
  /** Whether it has waited for others before. */
  hasWaited(): boolean;
}
