import { copyText } from '../copy-text.ts';
import { redact, redactStack } from '../redact.ts';
import { MAX_NAME_LENGTH, type ServiceResource } from '../schema/table-definition.ts';
import type { ErrorKind, ErrorLevel, ErrorLogRow } from '../schema/tables/error-logs-table.ts';

const MAX_MESSAGE_LENGTH = 1000;
const MAX_STACK_LENGTH = 4096;

/** Type, message, and stack trace of a thrown value. */
export interface ErrorDetails {
  readonly type: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** One error in a request, a job, or the process. */
export interface ErrorOccurrence {
  readonly kind: ErrorKind;
  readonly level: ErrorLevel;
  readonly error: ErrorDetails;
  /** Route of a request, or queue of a job. */
  readonly endpoint?: string | undefined;
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
  readonly userId?: string | undefined;
}

/** Texts of errors that are not shortened until their row is created. */
const MAX_KEPT_LENGTH = 2 * MAX_STACK_LENGTH;

/** Shortens the texts of an error that is kept for some time. This doesn't change its row. */
export function shortenErrorDetails({ type, message, stack }: ErrorDetails): ErrorDetails {
  return {
    type,
    message: message.length > MAX_KEPT_LENGTH ? redactMessage(message) : message,
    stack: stack && stack.length > MAX_KEPT_LENGTH ? redactStackTrace(stack) : stack,
  };
}

function redactMessage(message: string): string {
  return copyText(redact(message, MAX_MESSAGE_LENGTH));
}

function redactStackTrace(stack: string): string {
  return copyText(redactStack(stack, MAX_STACK_LENGTH));
}

/** Creates the row of an occurrence, without its ID and time. Redacts the texts, which is slow. */
export function toErrorLogRow(
  occurrence: ErrorOccurrence,
  fingerprint: string,
  resource: ServiceResource,
) {
  const { kind, level, endpoint, context, ...tenant } = occurrence;
  const { type, message, stack } = occurrence.error;
  return {
    ...resource,
    kind,
    level,
    errorType: type,
    count: 1,
    fingerprint,
    message: redactMessage(message),
    stackTrace: stack === undefined ? undefined : redactStackTrace(stack),
    endpoint: endpoint?.slice(0, MAX_NAME_LENGTH),
    context: context && JSON.stringify(context),
    organizationId: tenant.organizationId,
    propertyId: tenant.propertyId,
    userId: tenant.userId,
  } satisfies Omit<ErrorLogRow, 'timestamp'>;
}
