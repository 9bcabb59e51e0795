import { coded, type PerfscopeError } from '../errors.ts';
import { MOST_NAME_LENGTH, MOST_TEXT_LENGTH } from '../schema/limits.ts';
import { PerformanceMetricType } from '../schema/metric-type.ts';

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

export interface Checked {
  metricType: PerformanceMetricType;
  timestampMs: number;
  unit: string;
  tags: string | undefined;
}

const TEXTS = [
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
const AHEAD_MS = 86_400_000;

/** @returns what is needed to store the measurement, or why it can't be. */
export function check(
  m: Measurement,
  nowMs: number,
  retentionMs: number,
): Checked | PerfscopeError {
  if (typeof m !== 'object' || m === null) return invalid('the measurement', 'is not an object');
  if (typeof m.name !== 'string' || m.name === '') return invalid('name', 'is missing');
  for (const field of TEXTS) {
    const text = m[field];
    if (text === undefined || text === null) continue;
    if (typeof text !== 'string') return invalid(field, 'is not a text');
    if (text.length > MOST_NAME_LENGTH) {
      return invalid(field, `is longer than ${MOST_NAME_LENGTH} characters`);
    }
  }
  if (!Number.isFinite(m.value)) return invalid('value', 'is not a finite number');
  if (m.duration !== undefined && !Number.isFinite(m.duration)) {
    return invalid('duration', 'is not a finite number');
  }
  const metricType = m.metricType ?? m.type ?? PerformanceMetricType.CUSTOM;
  if (!Object.hasOwn(PerformanceMetricType, metricType)) {
    return invalid('metricType', 'is not one of PerformanceMetricType');
  }
  const timestampMs = Number(m.timestamp ?? nowMs);
  const wrongTime = timeFault(timestampMs, nowMs, retentionMs);
  if (wrongTime) return invalid('timestamp', wrongTime);
  const tags = tagsText(m.tags);
  if (tags instanceof Error) return tags as PerfscopeError;
  return { metricType, timestampMs, unit: m.unit ?? defaultUnit(metricType), tags };
}

export const TOO_OLD = 'is older than the retention';

/** Why a time can't be stored; undefined when it can. */
export function timeFault(ms: number, nowMs: number, retentionMs: number): string | undefined {
  if (!Number.isFinite(ms)) return 'is not a time';
  if (ms > nowMs + AHEAD_MS) return 'is more than a day in the future';
  if (ms < nowMs - retentionMs) return TOO_OLD;
  return undefined;
}

function tagsText(tags: Measurement['tags']): string | undefined | PerfscopeError {
  if (tags === undefined || tags === null) return undefined;
  if (typeof tags !== 'object') return invalid('tags', 'is not an object');
  try {
    const text = JSON.stringify(tags);
    if (text.length <= MOST_TEXT_LENGTH) return text;
    return invalid('tags', `are longer than ${MOST_TEXT_LENGTH} characters of JSON`);
  } catch {
    return invalid('tags', 'can not be written as JSON');
  }
}

function defaultUnit(type: PerformanceMetricType): string {
  return /_TIME$|_DELAY$|_DURATION$|_AGE$/.test(type) ? 'ms' : '1';
}

export function invalid(field: string, reason: string): PerfscopeError {
  return coded('PS_ROW_INVALID', { field, reason });
}
