import { runGuarded } from '../../core/guard.ts';
import { createHash } from '../../core/lazy-crypto.ts';
import { redact, redactStack } from '../../core/redact.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import { MAX_NAME_LENGTH, type ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type {
  ErrorKind,
  ErrorLevel,
  ErrorLogRow,
} from '../../core/schema/tables/error-logs-table.ts';
import { parseStackFrame } from '../../core/stack-frame.ts';
import { type CheckpointEntry, encodeCheckpointRow } from '../../storage/write/checkpoint-file.ts';
import type { DimensionLimits } from '../record/dimension-limits.ts';

/** Time in ms after which the repetitions of errors are stored. Batches of rows are more frequent. */
const WINDOW_MS = 10_000;
/**
 * Maximum number of distinct errors per window. Errors over this limit are grouped into one error.
 */
const MAX_DISTINCT_ERRORS = 500;
/** Maximum number of fingerprints during the lifetime of the process. Later errors are grouped too. */
const MAX_FINGERPRINTS = 10_000;
const MAX_MESSAGE_LENGTH = 1000;
const MAX_STACK_LENGTH = 4096;
/** Fingerprint of the errors over the limit. */
const OTHER_ERRORS = 'others';

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

export interface ErrorTrackerOptions {
  readonly resource: ServiceResource;
  readonly add: AddRows;
  /** Limits the distinct tenants. Default: no limit. */
  readonly limits?: DimensionLimits | undefined;
}

/** An occurrence with its fingerprint and time. */
interface TrackedOccurrence {
  readonly occurrence: ErrorOccurrence;
  readonly fingerprint: string;
  readonly nowMs: number;
}

/** Last occurrence of a repeated error, with the number of repetitions. */
interface RepeatedOccurrence extends TrackedOccurrence {
  /** ID of the row that is stored at the end of the window. */
  readonly id: string;
  readonly count: number;
}

/**
 * Stores errors with a bounded number of rows. The first occurrence of an error is stored
 * immediately. Repetitions within 10 s are stored as one row with their count, so totals stay exact.
 */
export class ErrorTracker {
  readonly #options: ErrorTrackerOptions;
  readonly #nextId = createIdGenerator();
  /** Errors of the current window. The value is undefined until the error repeats. */
  #repeated = new Map<string, RepeatedOccurrence | undefined>();
  /** Rows of repeated errors, by ID. */
  #countRows = new Map<string, ErrorLogRow>();
  /** Start of the current window, in ms since the epoch. */
  #windowStartMs: number | undefined;
  readonly #fingerprints = new Set<string>();

  constructor(options: ErrorTrackerOptions) {
    this.#options = options;
  }

  /** Stores or counts an occurrence. Never throws. */
  track(occurrence: ErrorOccurrence, nowMs: number = Date.now()): void {
    try {
      const { limits } = this.#options;
      const tenant = limits?.limitTenant(occurrence);
      this.#track({ ...occurrence, ...tenant }, nowMs);
    } catch {
      // A thrown value that can't be read must not cause a second error in the application.
    }
  }

  /** Calls `addCountRows` if the current window has lasted 10 s. Never throws. */
  addDueCountRows(nowMs: number = Date.now()): void {
    if (this.#windowStartMs === undefined) return;
    // The clock can be set back.
    if (Math.abs(nowMs - this.#windowStartMs) >= WINDOW_MS) this.addCountRows();
  }

  /** Ends the window, and adds one row for each error that was repeated in it. Never throws. */
  addCountRows(): void {
    const rows = this.#getCountRows();
    this.#repeated = new Map();
    this.#countRows = new Map();
    this.#windowStartMs = undefined;
    if (rows.length > 0)
      runGuarded('the error tracking', () => this.#options.add('error_logs', rows));
  }

  /** Encodes the rows that `addCountRows` would add, without ending the window. Never throws. */
  encodeCountRows(): CheckpointEntry[] {
    return this.#getCountRows().map((row) => encodeCheckpointRow('error_logs', row));
  }

  #getCountRows(): ErrorLogRow[] {
    return [...this.#repeated.values()].flatMap((last) => (last ? this.#toCountRow(last) : []));
  }

  #toCountRow(last: RepeatedOccurrence): ErrorLogRow[] {
    const { id, count, nowMs } = last;
    try {
      // Redacting a stack trace is slow, so a row is created once, and then its count is updated.
      const row = this.#countRows.get(id) ?? this.#toRow(last, id);
      Object.assign(row, { count, timestamp: nowMs });
      this.#countRows.set(id, row);
      return [row];
    } catch {
      // As in `track`, the value can't be read. The batch continues without this row.
      return [];
    }
  }

  #track(occurrence: ErrorOccurrence, nowMs: number): void {
    const { kind, endpoint, error } = occurrence;
    const { type, message, stack } = error;
    const endpointAndMessage = `${endpoint ?? ''} ${message}`;
    const fingerprint = computeErrorFingerprint(`${kind} ${type}`, endpointAndMessage, stack);
    const errorKey = toErrorKey(occurrence, fingerprint);
    const isOther =
      !this.#repeated.has(errorKey) &&
      (this.#repeated.size >= MAX_DISTINCT_ERRORS || !this.#isKept(fingerprint));
    const key = isOther ? OTHER_ERRORS : errorKey;
    const tracked = { occurrence, fingerprint: isOther ? OTHER_ERRORS : fingerprint, nowMs };
    this.#windowStartMs ??= nowMs;
    if (this.#repeated.has(key)) {
      const { id = this.#nextId(), count = 0 } = this.#repeated.get(key) ?? {};
      this.#repeated.set(key, { ...tracked, id, count: count + 1 });
      return;
    }
    this.#repeated.set(key, undefined);
    this.#options.add('error_logs', [this.#toRow(tracked, this.#nextId())]);
  }

  #isKept(fingerprint: string): boolean {
    if (this.#fingerprints.has(fingerprint)) return true;
    if (this.#fingerprints.size >= MAX_FINGERPRINTS) return false;
    this.#fingerprints.add(fingerprint);
    return true;
  }

  /** Called only for stored occurrences, because redacting a stack trace is slow. */
  #toRow({ occurrence, fingerprint, nowMs }: TrackedOccurrence, id: string): ErrorLogRow {
    const { resource } = this.#options;
    if (fingerprint === OTHER_ERRORS)
      return { ...toOtherErrorsRow(resource), id, timestamp: nowMs };
    return { ...toErrorLogRow(occurrence, fingerprint, resource), id, timestamp: nowMs };
  }
}

function toErrorLogRow(
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
    message: redact(message, MAX_MESSAGE_LENGTH),
    stackTrace: stack === undefined ? undefined : redactStack(stack, MAX_STACK_LENGTH),
    endpoint: endpoint?.slice(0, MAX_NAME_LENGTH),
    context: context && JSON.stringify(context),
    organizationId: tenant.organizationId,
    propertyId: tenant.propertyId,
    userId: tenant.userId,
  } satisfies Omit<ErrorLogRow, 'timestamp'>;
}

/** Counts each tenant and endpoint separately, because queries filter by them. */
function toErrorKey(
  { organizationId, propertyId, endpoint }: ErrorOccurrence,
  fingerprint: string,
): string {
  return JSON.stringify([fingerprint, organizationId, propertyId, endpoint]);
}

/** Creates the row for errors over the limit. It has no details. */
function toOtherErrorsRow(resource: ServiceResource) {
  return {
    ...resource,
    count: 1,
    kind: OTHER_ERRORS,
    level: 'error',
    errorType: OTHER_ERRORS,
    fingerprint: OTHER_ERRORS,
    message: 'The limit of distinct errors was reached. The other errors are grouped here.',
  } satisfies Omit<ErrorLogRow, 'timestamp'>;
}

/** Type, message, and stack trace of a thrown value. */
interface ErrorDetails {
  readonly type: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** Reads a thrown value. It can be anything, and even its properties can throw. */
export function parseThrown(thrown: unknown): ErrorDetails {
  try {
    if (!(thrown instanceof Error)) {
      return { type: typeof thrown, message: formatThrown(thrown), stack: undefined };
    }
    const { name, message, stack } = thrown;
    return {
      type: typeof name === 'string' && /^[\w.$]{1,100}$/.test(name) ? name : 'Error',
      message: String(message),
      stack: typeof stack === 'string' ? stack : undefined,
    };
  } catch {
    return { type: 'unknown', message: 'the thrown value cannot be read', stack: undefined };
  }
}

/** Formats objects without their fields, which can contain sensitive data. */
function formatThrown(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  return Object.prototype.toString.call(thrown);
}

/** Only the innermost frames identify an error. Many errors share the outer frames. */
const MAX_FINGERPRINT_FRAMES = 4;
const MAX_FINGERPRINT_MESSAGE_LENGTH = 300;
const MAX_STACK_LINES = 50;

/**
 * Matches IDs. An ID must contain a digit, so that words with only the letters a to f don't match.
 */
const ID_PATTERN =
  /\b(?:[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}|(?:0x)?(?=[a-f]*\d)[\da-f]{8,})\b/gi;
/** Also matches numbers that `redact` replaced. */
const NUMBER_PATTERN = /\[number\]|\d+(?:[.:]\d+)*/g;

/** Hashes the parts that are the same when an error repeats: type, message pattern, and frames. */
export function computeErrorFingerprint(
  type: string,
  message: string,
  stack: string | undefined,
): string {
  const parts = [type, normalizeMessage(message), ...getInnermostFrames(stack)];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/** Replaces the parts of a message that vary: numbers, IDs, and addresses. */
export function normalizeMessage(message: string): string {
  const start = message.slice(0, MAX_FINGERPRINT_MESSAGE_LENGTH * 2).replace(ID_PATTERN, '#');
  return redact(start, MAX_FINGERPRINT_MESSAGE_LENGTH).replace(NUMBER_PATTERN, '#');
}

/** Omits line numbers, so that an edit in a file does not change the fingerprint. */
function getInnermostFrames(stack: string | undefined): string[] {
  if (stack === undefined) return [];
  // The error message comes first. It can be longer than the frames.
  const frames = stack
    .slice(Math.max(stack.indexOf('\n    at '), 0))
    .slice(0, 20_000)
    .split('\n', MAX_STACK_LINES)
    .flatMap((line) => parseStackFrame(line) ?? []);
  const applicationFrames = frames.filter(({ isApplication }) => isApplication);
  // Prefers application frames, because many callers share the frames of a library.
  const relevant = applicationFrames.length > 0 ? applicationFrames : frames;
  return relevant
    .slice(0, MAX_FINGERPRINT_FRAMES)
    .map(({ functionName = '', file }) => `${functionName} ${getPathTail(file)}`);
}

/** Returns the last two parts of a path, which don't depend on the installation folder. */
function getPathTail(file: string): string {
  return file.split(/[\\/]/).slice(-2).join('/');
}
