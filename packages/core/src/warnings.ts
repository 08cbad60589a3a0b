/** Every code a warning can carry. */
export type WarningCode =
  | 'TURNPIKE_WARN_EVICTION'
  | 'TURNPIKE_WARN_TRUST_PROXY'
  | 'TURNPIKE_WARN_FORWARDED_UNTRUSTED'
  | 'TURNPIKE_WARN_NO_ADDRESS'
  | 'TURNPIKE_WARN_NO_KEY'
  | 'TURNPIKE_WARN_KEY_NOT_ASKED'
  | 'TURNPIKE_WARN_NO_REDIS'
  | 'TURNPIKE_WARN_COUNTED_TWICE'
  | 'TURNPIKE_WARN_CACHE_PERSONAL'
  | 'TURNPIKE_WARN_L1_DEAF'
  | 'TURNPIKE_WARN_LISTENER';

/** Says something to the developer, once per code and factory call, through `process.emitWarning`. */
export type Warn = (code: WarningCode, message: string) => void;

export function warnOnce(factory: string): Warn {
  const said = new Set<WarningCode>();
  return (code, message) => {
    if (said.has(code)) return;
    said.add(code);
    process.emitWarning(`${factory}: ${message}`, { type: 'TurnpikeWarning', code });
  };
}
