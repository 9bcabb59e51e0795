import { types } from 'node:util';
import { fingerprintOccurrence } from '../../core/errors/error-fingerprint.ts';
import {
  type ErrorDetails,
  type ErrorOccurrence,
  shortenErrorDetails,
  toErrorLogRow,
} from '../../core/errors/error-log-row.ts';
import { runGuarded } from '../../core/guard.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import type { ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { ErrorLogRow } from '../../core/schema/tables/error-logs-table.ts';
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
/** Fingerprint of the errors over the limit. */
const OTHER_ERRORS = 'others';

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

  /** Stores or counts several occurrences. Never throws. */
  trackAll(occurrences: readonly ErrorOccurrence[], nowMs: number): void {
    for (const each of occurrences) this.track(each, nowMs);
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
    const { error } = occurrence;
    const fingerprint = fingerprintOccurrence(occurrence, this.#options.resource.service);
    const errorKey = toErrorKey(occurrence, fingerprint);
    const isOther =
      !this.#repeated.has(errorKey) &&
      (this.#repeated.size >= MAX_DISTINCT_ERRORS || !this.#isKept(fingerprint));
    const key = isOther ? OTHER_ERRORS : errorKey;
    const tracked = { occurrence, fingerprint: isOther ? OTHER_ERRORS : fingerprint, nowMs };
    this.#windowStartMs ??= nowMs;
    if (this.#repeated.has(key)) {
      const { id = this.#nextId(), count = 0 } = this.#repeated.get(key) ?? {};
      const kept = { ...occurrence, error: shortenErrorDetails(error) };
      this.#repeated.set(key, { ...tracked, occurrence: kept, id, count: count + 1 });
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

/** Reads a thrown value. It can be anything, and even its properties can throw. */
export function parseThrown(thrown: unknown): ErrorDetails {
  try {
    // Errors of other realms, such as the edge runtime of Next.js, are not instances of `Error`.
    if (!(thrown instanceof Error || types.isNativeError(thrown))) {
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
