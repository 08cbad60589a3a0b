interface Destroyable {
  destroy(error?: Error): unknown;
}

interface Deferral {
  isAsked: boolean;
}

interface Deferred {
  readonly deferrals: Set<Deferral>;
  readonly restore: () => void;
}

const deferredOf = new WeakMap<Destroyable, Deferred>();

/**
 * `destroy()` of this socket or response has no effect until the function returned is called, which says whether it was
 * asked for. Pipelined answers may hold one socket together.
 */
export function deferDestroy(target: Destroyable): () => boolean {
  const deferred = deferredOf.get(target) ?? shadow(target);
  const deferral: Deferral = { isAsked: false };
  deferred.deferrals.add(deferral);
  return function release() {
    deferred.deferrals.delete(deferral);
    if (deferred.deferrals.size === 0) deferred.restore();
    return deferral.isAsked;
  };
}

export const isDestroyDeferred = (target: Destroyable): boolean => deferredOf.has(target);

function shadow(target: Destroyable): Deferred {
  const own = Object.getOwnPropertyDescriptor(target, 'destroy');
  const { destroy } = target;
  const deferrals = new Set<Deferral>();

  function destroyLater(this: Destroyable, error?: NodeJS.ErrnoException): unknown {
    // What the kernel says (ECONNRESET) is no wish: there is nobody left to wait for the answer.
    if (deferrals.size === 0 || error?.syscall !== undefined) return Reflect.apply(destroy, this, [error]);
    for (const deferral of deferrals) deferral.isAsked = true;
    return this;
  }

  function restore(): void {
    deferredOf.delete(target);
    // Whoever has put a hook of his own over ours goes on through it.
    if (target.destroy !== destroyLater) return;
    if (own === undefined) Reflect.deleteProperty(target, 'destroy');
    else Object.defineProperty(target, 'destroy', own);
  }

  Object.defineProperty(target, 'destroy', { value: destroyLater, configurable: true, writable: true });
  const deferred = { deferrals, restore };
  deferredOf.set(target, deferred);
  return deferred;
}
