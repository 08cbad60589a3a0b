// A process of an app that orders as often as it is asked: every Idempotency-Key is another by the time it is read.
import { randomUUID } from 'node:crypto';
import express from 'express';
import { createApp } from '../../dist/app.js';
import { serve } from '../../dist/soak/serving.js';

/** Where Node keeps a header as it came. */
function spoilKey({ rawHeaders }, _res, next) {
  const at = rawHeaders.findIndex((name) => name.toLowerCase() === 'idempotency-key');
  if (at >= 0) rawHeaders[at + 1] = randomUUID();
  next();
}

await serve((foundation) => ({ app: express().use(spoilKey, createApp(foundation).app) }));
