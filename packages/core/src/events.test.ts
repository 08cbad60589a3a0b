import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { eventsOf } from './events.ts';

describe('events', () => {
  it('are not even made while nobody listens, and heard on turnpike:<package> otherwise', () => {
    const emit = eventsOf<{ type: 'a' }>('events-test');
    let made = 0;
    const make = () => {
      made += 1;
      return { type: 'a' } as const;
    };
    emit(make);
    expect(made).toBe(0);

    const heard: unknown[] = [];
    const listen = (event: unknown): void => void heard.push(event);
    subscribe('turnpike:events-test', listen);
    emit(make);
    unsubscribe('turnpike:events-test', listen);
    emit(make);
    expect(heard).toEqual([{ type: 'a' }]);
    expect(made).toBe(1);
  });
});
