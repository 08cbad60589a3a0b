// A middleware of one's own, on what the packages stand on: it counts in one script, and gives the first answer again.
import assert from 'node:assert/strict';
import { defineScript, keyspace, storeOf } from '@turnpike/core';
import { record, replay } from '@turnpike/core/http';

const count = defineScript({
  lua: "local visits = redis.call('INCR', KEYS[1])\nredis.call('PEXPIRE', KEYS[1], 60000)\nreturn { 'visits', visits }",
  encode: (key) => ({ keys: [key], argv: [] }),
  decode: ([, visits]) => visits,
});

export function sameAnswer(redis, prefix) {
  const store = storeOf(redis);
  const key = keyspace('same-answer', prefix)(['visits']);
  let kept;
  return async (req, res, next) => {
    const visits = await store.call(count, key, { deadlineMs: 1000 });
    if (visits > 1) return replay(kept, req, res);
    record(res, { maxBytes: 1000, onComplete: ({ recording }) => void (kept = recording) });
    next();
  };
}

export async function trySameAnswer(url) {
  const answers = [await fetch(url), await fetch(url)];
  const [first, again] = await Promise.all(answers.map((answer) => answer.text()));
  assert.ok(first.length > 0);
  assert.equal(again, first);
}
