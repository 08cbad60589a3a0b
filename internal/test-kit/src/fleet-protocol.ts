/** From a member to its fleet. */
export type FromMember =
  | { readonly kind: 'barrier'; readonly name: string }
  | { readonly kind: 'message'; readonly body: unknown }
  | { readonly kind: 'result'; readonly value: unknown };

/** From a fleet to its members. */
export type ToMember =
  | { readonly kind: 'open'; readonly name: string }
  | { readonly kind: 'message'; readonly body: unknown };

/** What a member is started with, as JSON in its first argument. */
export interface MemberStart {
  readonly index: number;
  readonly count: number;
  readonly args?: unknown;
}

/** The barrier that every member meets before its work begins. No script's own can have this name. */
export const START = '\0start';
