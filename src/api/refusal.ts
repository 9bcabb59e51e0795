import { coded, type PerfscopeError } from '../errors.ts';

/** What is wrong with one parameter, and what would be right. */
export interface Fault {
  parameter: string;
  reason: string;
  allowed?: string | undefined;
}

/** The error of a request with these faults; there is at least one. */
export function refusal(...errors: readonly Fault[]): PerfscopeError {
  const reason = errors
    .map(({ parameter, reason, allowed }) =>
      [`${parameter} ${reason}`, ...(allowed ? [`allowed: ${allowed}`] : [])].join('; '),
    )
    .join('. ');
  return coded('PS_REQUEST_INVALID', { reason, errors });
}
