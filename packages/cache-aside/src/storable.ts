/** What JSON would change without a word, or drop. */
type Altered =
  | bigint
  | symbol
  | ((...args: never[]) => unknown)
  | Date
  | RegExp
  | Map<any, any>
  | Set<any>
  | Uint8Array;

/** `T` where JSON gives back what it was given, `never` where it does not: a Date does not silently become a string. */
type AsJson<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends Altered
    ? never
    : T extends object
      ? { [Key in keyof T]: AsJson<T[Key]> }
      : never;

/** A loader's value that would not come back as it was: its type holds a Date, a Map, a bigint, a method … */
interface NotStorable {
  readonly 'a value of this type does not survive JSON: map it, or give createCache a serializer': never;
}

/** Asks of a cache without a `serializer` that it is given JSON, a Buffer, or `undefined` for what is not to be stored. */
export type StoresAsIs<T> = [T] extends [AsJson<T> | Buffer | undefined] ? unknown : NotStorable;
