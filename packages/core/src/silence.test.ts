import { describe, expect, it } from 'vitest';
import { createSilence } from './silence.ts';

describe('silence', () => {
  it('is the age of the oldest unanswered command', () => {
    const silence = createSilence();
    expect(silence.ms(5)).toBe(0);
    const first = silence.sent(10);
    const second = silence.sent(30);
    expect(silence.ms(50)).toBe(40);
    silence.heard(first, 50);
    expect(silence.ms(50)).toBe(20);
    silence.heard(second, 50);
    expect(silence.ms(50)).toBe(0);
  });

  it('ends for all earlier commands with one reply, since a connection answers in order', () => {
    const silence = createSilence();
    silence.sent(10);
    silence.sent(20);
    silence.heard(silence.sent(30), 30);
    expect(silence.ms(100)).toBe(0);
  });

  it('goes on over a failed connection, which is no reply', () => {
    const silence = createSilence();
    silence.lost(silence.sent(10), 60);
    silence.lost(silence.sent(40), 90);
    expect(silence.ms(100)).toBe(90);
    silence.heard(silence.sent(110), 110);
    expect(silence.ms(120)).toBe(0);
  });

  it('is forgotten half a second after the last failure, so that someone tries again in person', () => {
    const silence = createSilence();
    silence.lost(silence.sent(10), 60);
    expect(silence.ms(560)).toBe(550);
    expect(silence.ms(561)).toBe(0);
  });

  it('need not be waited again once somebody has given up on it, beyond what replies take here anyway', () => {
    const silence = createSilence();
    const first = silence.sent(0);
    first.isGivenUp = true;
    expect(silence.excessMs(500)).toBe(0); // nothing is known yet of how long replies take
    silence.heard(first, 80);
    const second = silence.sent(600);
    expect(silence.excessMs(750)).toBe(0); // slow, but awaited
    second.isGivenUp = true;
    expect(silence.excessMs(670)).toBe(0);
    expect(silence.excessMs(700)).toBe(20);
    silence.heard(second, 9000); // it was away, not slow
    silence.sent(9000).isGivenUp = true;
    expect(silence.excessMs(9100)).toBe(20);
  });

  it('is counted as fast for the last of 50,000 replies as for the first', () => {
    const silence = createSilence();
    const sent = Array.from({ length: 50_000 }, (_, at) => silence.sent(at));
    for (const one of sent) silence.heard(one, one.at + 1);
    expect(silence.ms(60_000)).toBe(0);
  });

  it('begins when a command can have left, not before a stall of the event loop that it was given in', () => {
    const silence = createSilence();
    const before = silence.sent(0);
    const behind = silence.sent(150); // in the same turn, after the stall
    expect(silence.ms(150)).toBe(150);
    silence.written(151);
    expect(silence.ms(161)).toBe(10);
    silence.sent(162);
    silence.written(163);
    silence.heard(before, 170);
    expect(silence.ms(171)).toBe(20); // and each of them still waits for its own reply
    silence.heard(behind, 171);
    expect(silence.ms(173)).toBe(10);
  });

  it('is over with a new connection', () => {
    const silence = createSilence();
    const gone = silence.sent(10);
    silence.renew();
    expect(silence.ms(100)).toBe(0);
    silence.lost(gone, 100); // its promise rejects late, and says nothing of the new connection
    expect(silence.ms(110)).toBe(0);
  });
});
