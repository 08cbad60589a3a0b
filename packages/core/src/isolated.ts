import type { WarningCode } from './warnings.ts';

/** Calls a listener that others wait behind: what it throws is warned of, and stops nobody. */
export function isolated(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.emitWarning(
      `a listener threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      {
        type: 'TurnpikeWarning',
        code: 'TURNPIKE_WARN_LISTENER' satisfies WarningCode,
      },
    );
  }
}
