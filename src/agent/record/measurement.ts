import { DAY_MS } from '../../core/duration.ts';
import { createError, type PerfscopeError } from '../../core/perfscope-error.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { MAX_NAME_LENGTH, MAX_TEXT_LENGTH } from '../../core/schema/table-definition.ts';

/** One measurement to pass to `recordMetric`. */
export interface Measurement {
  /** Type of the measurement. Default: `CUSTOM`. */
  metricType?: PerformanceMetricType;
  /** Alias of `metricType`, used if `metricType` is not set. */
  type?: PerformanceMetricType;
  /** Name of the metric, up to 512 characters. */
  name: string;
  /** Measured value: a finite number in `unit`. */
  value: number;
  /** UCUM unit of `value`. Default: `ms` for metric types that measure time, otherwise `1`. */
  unit?: string;
  /** Additional values, stored as JSON. */
  tags?: Readonly<Record<string, unknown>>;
  /** Service name. Default: the service name of this process. */
  service?: string | undefined;
  endpoint?: string | undefined;
  operation?: string | undefined;
  /** Time of the measurement: a Date, or ms since the epoch. Default: now. */
  timestamp?: Date | number;
  /** Duration, in ms. Default: `value`, if `unit` is `ms`. */
  duration?: number;
  /** Organization of the measurement. Default: the organization of the current tenant. */
  organizationId?: string | undefined;
  propertyId?: string | undefined;
  userId?: string | undefined;
  /** Whether the measured operation failed. Default: `false`. */
  error?: boolean;
  /** Marks a test measurement, which is excluded from all metrics. Default: `false`. */
  test?: boolean;
}

export interface ValidatedMeasurement {
  metricType: PerformanceMetricType;
  timestampMs: number;
  unit: string;
  tags: string | undefined;
}

const TEXT_FIELDS = [
  'name',
  'unit',
  'service',
  'endpoint',
  'operation',
  'organizationId',
  'propertyId',
  'userId',
] as const;

/** Limit for timestamps in the future. A later timestamp means that a clock is wrong. */
const MAX_CLOCK_AHEAD_MS = DAY_MS;

/** @returns the validated fields, or the reason why the measurement can't be stored */
export function validateMeasurement(
  m: Measurement,
  nowMs: number,
  retentionMs: number,
): ValidatedMeasurement | PerfscopeError {
  if (typeof m !== 'object' || m === null)
    return createInvalidRowError('the measurement', 'is not an object');
  if (typeof m.name !== 'string' || m.name === '')
    return createInvalidRowError('name', 'is missing');
  for (const field of TEXT_FIELDS) {
    const text = m[field];
    if (text === undefined || text === null) continue;
    if (typeof text !== 'string') return createInvalidRowError(field, 'is not a string');
    if (text.length > MAX_NAME_LENGTH) {
      return createInvalidRowError(field, `is longer than ${MAX_NAME_LENGTH} characters`);
    }
  }
  if (!Number.isFinite(m.value)) return createInvalidRowError('value', 'is not a finite number');
  if (m.duration !== undefined && !Number.isFinite(m.duration)) {
    return createInvalidRowError('duration', 'is not a finite number');
  }
  const metricType = m.metricType ?? m.type ?? PerformanceMetricType.CUSTOM;
  if (!Object.hasOwn(PerformanceMetricType, metricType)) {
    return createInvalidRowError('metricType', 'is not a PerformanceMetricType');
  }
  const timestampMs = Number(m.timestamp ?? nowMs);
  const timestampProblem = validateTimestamp(timestampMs, nowMs, retentionMs);
  if (timestampProblem) return createInvalidRowError('timestamp', timestampProblem);
  const tags = formatTags(m.tags);
  if (tags instanceof Error) return tags as PerfscopeError;
  return { metricType, timestampMs, unit: m.unit ?? getDefaultUnit(metricType), tags };
}

export const TOO_OLD_REASON = 'is older than the retention period';

/** @returns the reason why a timestamp can't be stored, or undefined if it is valid */
export function validateTimestamp(
  ms: number,
  nowMs: number,
  retentionMs: number,
): string | undefined {
  if (!Number.isFinite(ms)) return 'is not a valid date';
  if (ms > nowMs + MAX_CLOCK_AHEAD_MS) return 'is more than a day in the future';
  if (ms < nowMs - retentionMs) return TOO_OLD_REASON;
  return undefined;
}

function formatTags(tags: Measurement['tags']): string | undefined | PerfscopeError {
  if (tags === undefined || tags === null) return undefined;
  if (typeof tags !== 'object') return createInvalidRowError('tags', 'is not an object');
  try {
    const text = JSON.stringify(tags);
    if (text.length <= MAX_TEXT_LENGTH) return text;
    return createInvalidRowError(
      'tags',
      `exceed ${MAX_TEXT_LENGTH} characters when converted to JSON`,
    );
  } catch {
    return createInvalidRowError('tags', "can't be converted to JSON");
  }
}

function getDefaultUnit(type: PerformanceMetricType): string {
  return /_TIME$|_DELAY$|_DURATION$|_AGE$/.test(type) ? 'ms' : '1';
}

export function createInvalidRowError(field: string, reason: string): PerfscopeError {
  return createError('PS_ROW_INVALID', { field, reason });
}
