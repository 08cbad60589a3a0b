import { eventually } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { shop } from './shop.ts';

const it_ = shop();

/** What a stream has said so far, and whether it is over. */
function listen(as: { Authorization: string }) {
  const heard = { text: '', isOver: false };
  const hangingUp = new AbortController();
  const listening = (async () => {
    const { body } = await fetch(`${it_.url}/events`, { headers: as, signal: hangingUp.signal });
    for await (const chunk of body ?? []) heard.text += Buffer.from(chunk as Uint8Array).toString();
    heard.isOver = true;
  })().catch(() => undefined);
  return {
    heard,
    async hangUp() {
      hangingUp.abort();
      await listening;
    },
  };
}

describe('GET /events', () => {
  it('says at once who has taken the place of the session, and ends', async () => {
    const { heard } = listen(await it_.as('ann', 'Phone'));
    await eventually(() => expect(heard.text).toMatch(/event: hello/));
    await it_.as('ann', 'Laptop');
    await eventually(() => expect(heard.isOver).toBe(true));
    expect(heard.text).toMatch(/event: ended\ndata: {"reason":"replaced","by":"Laptop"}/);
  });

  it('says which price has changed', async () => {
    const { heard, hangUp } = listen(await it_.as('ann'));
    await eventually(() => expect(heard.text).toMatch(/event: hello/));
    const eve = await it_.as('eve');
    await it_.http.put('/products/p1/price').set(eve).send({ priceCents: 990 }).expect(200);
    await eventually(() => expect(heard.text).toMatch(/event: price\ndata: {"id":"p1","priceCents":990}/));
    await hangUp();
  });

  it('is for those who are signed in', () => it_.http.get('/events').expect(401));
});
