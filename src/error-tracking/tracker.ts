import type { Origin } from '../schema/dimensions.ts';
import type { ErrorKind, ErrorLevel, ErrorLogRow } from '../schema/error-logs.ts';
import { idSource } from '../schema/identity.ts';
import { MOST_NAME_LENGTH } from '../schema/limits.ts';
import { scrub } from '../schema/scrub.ts';
import type { Add } from '../schema/tables.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Thrown } from './thrown.ts';

/** Different errors that are told apart between two batches; what is more is counted together. */
const MOST_DIFFERENT = 500;
const MOST_MESSAGE = 1000;
const MOST_STACK = 8000;
/** Fingerprint of what is counted together. */
const OTHERS = 'others';

/** An error as whoever meets it knows it. */
export interface Occurrence {
  readonly kind: ErrorKind;
  readonly level: ErrorLevel;
  readonly error: Thrown;
  /** Route, or queue. */
  readonly endpoint?: string | undefined;
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
  readonly userId?: string | undefined;
}

export interface TrackerOptions {
  readonly origin: Origin;
  readonly add: Add;
}

/**
 * Stores errors at a bounded cost: the first of its kind at once, all that follow it before the next
 * batch as one row with their count. No occurrence is lost in the counts.
 */
export class ErrorTracker {
  readonly #options: TrackerOptions;
  readonly #nextId = idSource();
  /** Since the last batch: the last row of each, of which the first has been added. */
  #seen = new Map<string, ErrorLogRow | undefined>();

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  /** Never throws. */
  track(occurrence: Occurrence, nowMs: number = Date.now()): void {
    try {
      this.#track(occurrence, nowMs);
    } catch {
      // An error that can't be described is the application's all the same, and none of ours.
    }
  }

  /** Adds what was counted since the last batch. */
  addCounts(): void {
    const rows = [...this.#seen.values()].filter((row) => row !== undefined);
    this.#seen = new Map();
    if (rows.length > 0) this.#options.add('error_logs', rows);
  }

  #track(occurrence: Occurrence, nowMs: number): void {
    let row = rowOf(occurrence, this.#options.origin, nowMs);
    let key = keyOf(row);
    if (!this.#seen.has(key) && this.#seen.size >= MOST_DIFFERENT) {
      row = otherOf(row);
      key = OTHERS;
    }
    if (!this.#seen.has(key)) {
      this.#seen.set(key, undefined);
      this.#options.add('error_logs', [{ ...row, id: this.#nextId() }]);
      return;
    }
    const before = this.#seen.get(key);
    const id = before?.id ?? this.#nextId();
    this.#seen.set(key, { ...row, id, count: (before?.count ?? 0) + 1 });
  }
}

function rowOf(occurrence: Occurrence, origin: Origin, nowMs: number): ErrorLogRow {
  const { kind, level, endpoint, context, ...tenant } = occurrence;
  const { type, message, stack } = occurrence.error;
  return {
    ...origin,
    ...{ timestamp: nowMs, kind, level, errorType: type, count: 1 },
    fingerprint: fingerprintOf(`${kind} ${type}`, `${endpoint ?? ''} ${message}`, stack),
    message: scrub(message, MOST_MESSAGE),
    stackTrace: stack === undefined ? undefined : scrub(stack, MOST_STACK),
    endpoint: endpoint?.slice(0, MOST_NAME_LENGTH),
    context: context && JSON.stringify(context),
    organizationId: tenant.organizationId,
    propertyId: tenant.propertyId,
    userId: tenant.userId,
  };
}

/** Tenants and endpoints are counted apart, since they are asked for apart. */
function keyOf({ fingerprint, organizationId, propertyId, endpoint }: ErrorLogRow): string {
  return JSON.stringify([fingerprint, organizationId, propertyId, endpoint]);
}

/** An error without its name: only that there was one. */
function otherOf({ timestamp, service, serviceVersion, environment, instance }: ErrorLogRow) {
  return {
    ...{ timestamp, service, serviceVersion, environment, instance, count: 1 },
    ...{ kind: OTHERS, level: 'error', errorType: OTHERS, fingerprint: OTHERS },
    message: 'More different errors than are told apart at once.',
  } satisfies ErrorLogRow;
}
