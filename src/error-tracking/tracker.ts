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

/** One occurrence of an error. */
interface Met {
  readonly occurrence: Occurrence;
  readonly fingerprint: string;
  readonly nowMs: number;
}

/** The last occurrence of an error, and how many there were. */
interface Again extends Met {
  readonly count: number;
}

/**
 * Stores errors at a bounded cost: the first of its kind at once, all that follow it before the next
 * batch as one row with their count. No occurrence is lost in the counts.
 */
export class ErrorTracker {
  readonly #options: TrackerOptions;
  readonly #nextId = idSource();
  /** Since the last batch: how often each came again, of which the first has been added. */
  #seen = new Map<string, Again | undefined>();

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
    const seen = this.#seen;
    this.#seen = new Map();
    const rows = [...seen.values()].flatMap((again) => (again ? this.#countOf(again) : []));
    if (rows.length > 0) this.#options.add('error_logs', rows);
  }

  #countOf({ count, ...last }: Again): ErrorLogRow[] {
    try {
      return [{ ...this.#rowOf(last), count }];
    } catch {
      // As in `track`: the batch that it would be a part of goes on without it.
      return [];
    }
  }

  #track(occurrence: Occurrence, nowMs: number): void {
    const { kind, endpoint, error } = occurrence;
    const { type, message, stack } = error;
    const form = `${endpoint ?? ''} ${message}`;
    const found = fingerprintOf(`${kind} ${type}`, form, stack);
    const own = keyOf(occurrence, found);
    const isOther = !this.#seen.has(own) && this.#seen.size >= MOST_DIFFERENT;
    const key = isOther ? OTHERS : own;
    const last = { occurrence, fingerprint: isOther ? OTHERS : found, nowMs };
    if (this.#seen.has(key)) {
      this.#seen.set(key, { ...last, count: (this.#seen.get(key)?.count ?? 0) + 1 });
      return;
    }
    this.#seen.set(key, undefined);
    this.#options.add('error_logs', [this.#rowOf(last)]);
  }

  /** A row of its own. Stacks are long to blank, so only what is stored becomes one. */
  #rowOf({ occurrence, fingerprint, nowMs }: Met): ErrorLogRow {
    const { origin } = this.#options;
    const id = this.#nextId();
    if (fingerprint === OTHERS) return { ...otherOf(origin), id, timestamp: nowMs };
    return { ...rowOf(occurrence, fingerprint, origin), id, timestamp: nowMs };
  }
}

function rowOf(occurrence: Occurrence, fingerprint: string, origin: Origin) {
  const { kind, level, endpoint, context, ...tenant } = occurrence;
  const { type, message, stack } = occurrence.error;
  return {
    ...origin,
    kind,
    level,
    errorType: type,
    count: 1,
    fingerprint,
    message: scrub(message, MOST_MESSAGE),
    stackTrace: stack === undefined ? undefined : scrub(stack, MOST_STACK),
    endpoint: endpoint?.slice(0, MOST_NAME_LENGTH),
    context: context && JSON.stringify(context),
    organizationId: tenant.organizationId,
    propertyId: tenant.propertyId,
    userId: tenant.userId,
  } satisfies Omit<ErrorLogRow, 'timestamp'>;
}

/** Tenants and endpoints are counted apart, since they are asked for apart. */
function keyOf({ organizationId, propertyId, endpoint }: Occurrence, fingerprint: string): string {
  return JSON.stringify([fingerprint, organizationId, propertyId, endpoint]);
}

/** An error without its name: only that there was one. */
function otherOf(origin: Origin) {
  return {
    ...origin,
    count: 1,
    kind: OTHERS,
    level: 'error',
    errorType: OTHERS,
    fingerprint: OTHERS,
    message: 'More different errors than are told apart at once.',
  } satisfies Omit<ErrorLogRow, 'timestamp'>;
}
