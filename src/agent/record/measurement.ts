import { DAY_MS } from '../../core/duration.ts';
import { createError, type PerfscopeError } from '../../core/errors.ts';
import { PerformanceMetricType } from '../../core/schema/enums.ts';
import { MAX_NAME_LENGTH, MAX_TEXT_LENGTH } from '../../core/schema/table-definition.ts';

/** One measurement, as an application gives it to `recordMetric`. */
export interface Measurement {
  /** Default: CUSTOM. `type` is the same. */
  metricType?: PerformanceMetricType;
  type?: PerformanceMetricType;
  name: string;
  value: number;
  /** UCUM; default `ms` for the types that are times, else `1`. */
  unit?: string;
  tags?: Readonly<Record<string, unknown>>;
  /** Default: this process' own. */
  service?: string | undefined;
  endpoint?: string | undefined;
  operation?: string | undefined;
  /** Default: now. A number is ms since the epoch. */
  timestamp?: Date | number;
  /** In ms. */
  duration?: number;
  organizationId?: string | undefined;
  propertyId?: string | undefined;
  userId?: string | undefined;
  /** Whether what was measured has failed. */
  error?: boolean;
  /** Marks a row of a test, which readers leave out. */
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

/** How far a clock may be ahead before its rows are refused. */
const MAX_CLOCK_AHEAD_MS = DAY_MS;

/** @returns what is needed to store the measurement, or why it can't be. */
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
    if (typeof text !== 'string') return createInvalidRowError(field, 'is not a text');
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
    return createInvalidRowError('metricType', 'is not one of PerformanceMetricType');
  }
  const timestampMs = Number(m.timestamp ?? nowMs);
  const wrongTime = validateTimestamp(timestampMs, nowMs, retentionMs);
  if (wrongTime) return createInvalidRowError('timestamp', wrongTime);
  const tags = formatTags(m.tags);
  if (tags instanceof Error) return tags as PerfscopeError;
  return { metricType, timestampMs, unit: m.unit ?? getDefaultUnit(metricType), tags };
}

export const TOO_OLD_REASON = 'is older than the retention';

/** Why a time can't be stored; undefined when it can. */
export function validateTimestamp(
  ms: number,
  nowMs: number,
  retentionMs: number,
): string | undefined {
  if (!Number.isFinite(ms)) return 'is not a time';
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
    return createInvalidRowError('tags', `are longer than ${MAX_TEXT_LENGTH} characters of JSON`);
  } catch {
    return createInvalidRowError('tags', 'can not be written as JSON');
  }
}

function getDefaultUnit(type: PerformanceMetricType): string {
  return /_TIME$|_DELAY$|_DURATION$|_AGE$/.test(type) ? 'ms' : '1';
}

export function createInvalidRowError(field: string, reason: string): PerfscopeError {
  return createError('PS_ROW_INVALID', { field, reason });
}
