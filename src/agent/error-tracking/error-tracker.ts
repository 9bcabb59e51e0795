import { createHash } from 'node:crypto';
import { redact } from '../../core/redact.ts';
import { createIdGenerator } from '../../core/schema/row-ids.ts';
import { MAX_NAME_LENGTH, type ServiceResource } from '../../core/schema/table-definition.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type {
  ErrorKind,
  ErrorLevel,
  ErrorLogRow,
} from '../../core/schema/tables/error-logs-table.ts';

/** Different errors that are told apart between two batches; what is more is counted together. */
const MAX_DISTINCT_ERRORS = 500;
const MAX_MESSAGE_LENGTH = 1000;
const MAX_STACK_LENGTH = 8000;
/** Fingerprint of what is counted together. */
const OTHER_ERRORS = 'others';

/** An error as whoever meets it knows it. */
export interface ErrorOccurrence {
  readonly kind: ErrorKind;
  readonly level: ErrorLevel;
  readonly error: ErrorDetails;
  /** Route, or queue. */
  readonly endpoint?: string | undefined;
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
  readonly userId?: string | undefined;
}

export interface ErrorTrackerOptions {
  readonly resource: ServiceResource;
  readonly add: AddRows;
}

/** One occurrence of an error. */
interface TrackedOccurrence {
  readonly occurrence: ErrorOccurrence;
  readonly fingerprint: string;
  readonly nowMs: number;
}

/** The last occurrence of an error, and how many there were. */
interface RepeatedOccurrence extends TrackedOccurrence {
  readonly count: number;
}

/**
 * Stores errors at a bounded cost: the first of its kind at once, all that follow it before the next
 * batch as one row with their count. No occurrence is lost in the counts.
 */
export class ErrorTracker {
  readonly #options: ErrorTrackerOptions;
  readonly #nextId = createIdGenerator();
  /** Since the last batch: how often each came again, of which the first has been added. */
  #repeated = new Map<string, RepeatedOccurrence | undefined>();

  constructor(options: ErrorTrackerOptions) {
    this.#options = options;
  }

  /** Never throws. */
  track(occurrence: ErrorOccurrence, nowMs: number = Date.now()): void {
    try {
      this.#track(occurrence, nowMs);
    } catch {
      // An error that can't be described is the application's all the same, and none of ours.
    }
  }

  /** Adds what was counted since the last batch. */
  addCountRows(): void {
    const seen = this.#repeated;
    this.#repeated = new Map();
    const rows = [...seen.values()].flatMap((again) => (again ? this.#toCountRows(again) : []));
    if (rows.length > 0) this.#options.add('error_logs', rows);
  }

  #toCountRows({ count, ...last }: RepeatedOccurrence): ErrorLogRow[] {
    try {
      return [{ ...this.#toRow(last), count }];
    } catch {
      // As in `track`: the batch that it would be a part of goes on without it.
      return [];
    }
  }

  #track(occurrence: ErrorOccurrence, nowMs: number): void {
    const { kind, endpoint, error } = occurrence;
    const { type, message, stack } = error;
    const form = `${endpoint ?? ''} ${message}`;
    const found = computeErrorFingerprint(`${kind} ${type}`, form, stack);
    const own = toErrorKey(occurrence, found);
    const isOther = !this.#repeated.has(own) && this.#repeated.size >= MAX_DISTINCT_ERRORS;
    const key = isOther ? OTHER_ERRORS : own;
    const last = { occurrence, fingerprint: isOther ? OTHER_ERRORS : found, nowMs };
    if (this.#repeated.has(key)) {
      this.#repeated.set(key, { ...last, count: (this.#repeated.get(key)?.count ?? 0) + 1 });
      return;
    }
    this.#repeated.set(key, undefined);
    this.#options.add('error_logs', [this.#toRow(last)]);
  }

  /** A row of its own. Stacks are long to blank, so only what is stored becomes one. */
  #toRow({ occurrence, fingerprint, nowMs }: TrackedOccurrence): ErrorLogRow {
    const { resource: origin } = this.#options;
    const id = this.#nextId();
    if (fingerprint === OTHER_ERRORS) return { ...toOtherErrorsRow(origin), id, timestamp: nowMs };
    return { ...toErrorLogRow(occurrence, fingerprint, origin), id, timestamp: nowMs };
  }
}

function toErrorLogRow(occurrence: ErrorOccurrence, fingerprint: string, origin: ServiceResource) {
  const { kind, level, endpoint, context, ...tenant } = occurrence;
  const { type, message, stack } = occurrence.error;
  return {
    ...origin,
    kind,
    level,
    errorType: type,
    count: 1,
    fingerprint,
    message: redact(message, MAX_MESSAGE_LENGTH),
    stackTrace: stack === undefined ? undefined : redact(stack, MAX_STACK_LENGTH),
    endpoint: endpoint?.slice(0, MAX_NAME_LENGTH),
    context: context && JSON.stringify(context),
    organizationId: tenant.organizationId,
    propertyId: tenant.propertyId,
    userId: tenant.userId,
  } satisfies Omit<ErrorLogRow, 'timestamp'>;
}

/** Tenants and endpoints are counted apart, since they are asked for apart. */
function toErrorKey(
  { organizationId, propertyId, endpoint }: ErrorOccurrence,
  fingerprint: string,
): string {
  return JSON.stringify([fingerprint, organizationId, propertyId, endpoint]);
}

/** An error without its name: only that there was one. */
function toOtherErrorsRow(origin: ServiceResource) {
  return {
    ...origin,
    count: 1,
    kind: OTHER_ERRORS,
    level: 'error',
    errorType: OTHER_ERRORS,
    fingerprint: OTHER_ERRORS,
    message: 'More different errors than are told apart at once.',
  } satisfies Omit<ErrorLogRow, 'timestamp'>;
}

/** What is known of anything that was thrown. */
interface ErrorDetails {
  readonly type: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** Reads it without trusting it: whatever is thrown may be anything, and throw again when read. */
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
    return { type: 'unknown', message: 'what was thrown cannot be read', stack: undefined };
  }
}

/** Objects by their kind only: their fields may hold anything. */
function formatThrown(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  return Object.prototype.toString.call(thrown);
}

/** Frames that tell one error from another; those further out are the same for many. */
const MAX_FINGERPRINT_FRAMES = 4;
const MAX_FINGERPRINT_MESSAGE_LENGTH = 300;
const MAX_STACK_LINES = 50;

/** Ids: with a digit in them, so that a word of the letters a to f stays. */
const ID_PATTERN =
  /\b(?:[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}|(?:0x)?(?=[a-f]*\d)[\da-f]{8,})\b/gi;
/** Also those that `scrub` has blanked. */
const NUMBER_PATTERN = /\[number\]|\d+(?:[.:]\d+)*/g;

/** A line of V8's stack: `at fn (file:line:column)` or `at file:line:column`. */
const STACK_FRAME_PATTERN = /^\s*at (?:(.*?) \()?(?:file:\/\/)?(.*?):\d+:\d+\)?$/;

/** What stays the same when an error comes again: its type, its message's form and where it began. */
export function computeErrorFingerprint(
  type: string,
  message: string,
  stack: string | undefined,
): string {
  const parts = [type, normalizeMessage(message), ...getInnermostFrames(stack)];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/** Without what differs each time: numbers, ids, addresses. */
export function normalizeMessage(message: string): string {
  const known = message.slice(0, MAX_FINGERPRINT_MESSAGE_LENGTH * 2).replace(ID_PATTERN, '#');
  return redact(known, MAX_FINGERPRINT_MESSAGE_LENGTH).replace(NUMBER_PATTERN, '#');
}

/** The innermost frames, without lines: an edit above them does not make another error. */
function getInnermostFrames(stack: string | undefined): string[] {
  if (stack === undefined) return [];
  const frames = stack
    .slice(0, 20_000)
    .split('\n', MAX_STACK_LINES)
    .flatMap((line) => {
      const found = STACK_FRAME_PATTERN.exec(line);
      return found ? [{ name: found[1] ?? '', file: found[2]! }] : [];
    });
  const isOwn = ({ file }: { file: string }) => !/^node:|node_modules/.test(file);
  // The application's own frames, where there are any: a library may have called it from anywhere.
  const wanted = frames.some(isOwn) ? frames.filter(isOwn) : frames;
  return wanted
    .slice(0, MAX_FINGERPRINT_FRAMES)
    .map(({ name, file }) => `${name} ${getPathTail(file)}`);
}

/** The last two names of a path, which are the same wherever it is installed. */
function getPathTail(file: string): string {
  return file.split(/[\\/]/).slice(-2).join('/');
}
