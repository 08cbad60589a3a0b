import { channel } from 'node:diagnostics_channel';

/**
 * The events of one package, on the `node:diagnostics_channel` named `turnpike:<package>`. Labels are bounded: no
 * tokens, keys, bodies or addresses. While nobody listens, `make` is not called.
 */
export function eventsOf<Event extends { readonly type: string }>(packageName: string): (make: () => Event) => void {
  const events = channel(`turnpike:${packageName}`);
  return (make) => {
    if (events.hasSubscribers) events.publish(make());
  };
}
