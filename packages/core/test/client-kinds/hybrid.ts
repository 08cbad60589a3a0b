/** A stand-in for an ioredis client: what a package asks of one comes from `tested`, all that a test asks from `admin`. */
export function hybrid<Admin extends object>(admin: Admin, tested: Record<string, unknown>): Admin {
  return new Proxy(admin, {
    get(target, name) {
      const isTested = typeof name === 'string' && name in tested;
      const value: unknown = Reflect.get(isTested ? tested : target, name);
      return typeof value === 'function' ? (value.bind(isTested ? tested : target) as unknown) : value;
    },
    has: (target, name) => (typeof name === 'string' && name in tested) || name in target,
  });
}
