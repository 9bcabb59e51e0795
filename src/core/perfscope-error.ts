import { ERROR_MESSAGES } from './error-messages.ts';

/**
 * Code of an error of Perfscope. docs/errors.md explains each code.
 *
 * @useDeclaredType
 */
export type ErrorCode = keyof typeof ERROR_MESSAGES;
type ErrorParams<C extends ErrorCode> = Parameters<(typeof ERROR_MESSAGES)[C]>[0];

/**
 * An error with a code that docs/errors.md explains. Perfscope throws it, and an application only reads it.
 *
 * @example
 * import { PerfscopeError, performanceMonitoringService } from '@perfscope/agent';
 *
 * try {
 *   await performanceMonitoringService.flush(5000);
 * } catch (error) {
 *   if (!(error instanceof PerfscopeError) || error.code !== 'PS_FLUSH_TIMEOUT') throw error;
 *   console.warn('The rows are sent later.');
 * }
 */
export class PerfscopeError extends Error {
  /** Always `PerfscopeError`. */
  override readonly name = 'PerfscopeError';
  /** Identifies the kind of error, such as `PS_ROW_INVALID`. */
  readonly code: ErrorCode;
  /** Values in the message, such as `reason`. */
  readonly params: Readonly<Record<string, unknown>>;

  /** @internal */
  constructor(code: ErrorCode, message: string, params: Record<string, unknown>, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.params = params;
  }
}

/** Creates the error `code` and fills its message from `params`. */
export function createError<C extends ErrorCode>(
  code: C,
  params: ErrorParams<C>,
  cause?: unknown,
): PerfscopeError {
  const message = (ERROR_MESSAGES[code] as (p: ErrorParams<C>) => string)(withoutFullStop(params));
  return new PerfscopeError(code, message, params as Record<string, unknown>, cause);
}

/** Removes the full stop at the end of the reason, because the messages add their own. */
function withoutFullStop<P extends object>(params: P): P {
  const { reason } = params as { reason?: unknown };
  const hasFullStop = typeof reason === 'string' && /[^.]\.$/.test(reason);
  return hasFullStop ? { ...params, reason: reason.slice(0, -1) } : params;
}

/**
 * Returns the message of any thrown value. For an AggregateError, returns the first message in it.
 */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return errorMessage(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
