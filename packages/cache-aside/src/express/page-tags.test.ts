import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { cacheTags, takeTags } from './page-tags.ts';

const response = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()));

/** What is heard of a response, and how to stop. */
function heard(res: ServerResponse): { tags: string[]; stop: () => void } {
  const tags: string[] = [];
  return { tags, stop: takeTags(res, (more) => void tags.push(...more)) };
}

it('tags go to whoever records the response', () => {
  const res = response();
  const { tags } = heard(res);
  cacheTags(res, 'a', 'b');
  cacheTags(res);
  cacheTags(res, 'c');
  expect(tags).toEqual(['a', 'b', 'c']);
});

it('tags of a response that nobody records go nowhere', () => {
  const [res, other] = [response(), response()];
  const { tags, stop } = heard(res);
  cacheTags(other, 'a');
  stop();
  cacheTags(res, 'b');
  stop();
  cacheTags(res, 'c');
  expect(tags).toEqual([]);
});

it('tags go to every cache that one stands in another of, the inner first, and to each as long as it records', () => {
  const res = response();
  const outer = heard(res);
  const inner = heard(res);
  cacheTags(res, 'a');
  inner.stop();
  cacheTags(res, 'b');
  outer.stop();
  cacheTags(res, 'c');
  expect(inner.tags).toEqual(['a']);
  expect(outer.tags).toEqual(['a', 'b']);
});

it('what is no tag is the handler’s error', () => {
  const res = response();
  takeTags(res, () => {
    throw new TypeError('no tag');
  });
  expect(() => cacheTags(res, '')).toThrow('no tag');
});
