import { createNoopMeter } from '@opentelemetry/api';
import { copyText } from '../../core/copy-text.ts';
import { runGuarded } from '../../core/guard.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import { MAX_SERIES } from '../instrumentation/histograms/cardinality-limit.ts';
import { getMeterProvider } from '../opentelemetry-api/shared-api.ts';

/** Replaces the values over the limit. */
export const OTHER_VALUE = '(other)';

/** Maximum number of distinct values of a tenant field. A hotel chain can have thousands of properties. */
const MAX_TENANTS = 10_000;
const TENANT_FIELDS = ['organizationId', 'propertyId'] as const;

/** A text field of rows that QuestDB stores as a symbol. */
export type LimitedField =
  | 'name'
  | 'unit'
  | 'service'
  | 'endpoint'
  | 'operation'
  | 'queueName'
  | 'queueScope'
  | 'jobType'
  | 'errorType'
  | (typeof TENANT_FIELDS)[number];

/** The values of a field that are kept. */
interface KeptValues {
  readonly all: Set<string>;
  last: string | undefined;
}

/** Tenant fields of a row. */
export interface RowTenant {
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

/**
 * Limits the distinct values that a process stores in text fields, for its lifetime. QuestDB keeps
 * each value of a symbol column in memory, and so does this class. The rows of values over the limit
 * are kept, so totals stay exact.
 */
export class DimensionLimits {
  readonly #values = new Map<LimitedField, KeptValues>();
  readonly #warnOnce: (kind: string, message: () => string) => void;
  #countGrouped: ((field: LimitedField) => void) | undefined;

  constructor(log: Logger) {
    this.#warnOnce = createWarnOnce(log);
  }

  /** Returns `value`, or `(other)` if the field already has 1,900 other values. */
  limit<V extends string | undefined>(field: LimitedField, value: V): V | typeof OTHER_VALUE {
    if (value === undefined || this.#isKept(field, value, MAX_SERIES)) return value;
    return OTHER_VALUE;
  }

  /** Returns the tenant without the fields that already have 10,000 other values. */
  limitTenant({ organizationId, propertyId }: RowTenant): RowTenant {
    if (
      organizationId !== undefined &&
      !this.#isKept('organizationId', organizationId, MAX_TENANTS)
    )
      return NO_TENANT;
    if (propertyId === undefined || this.#isKept('propertyId', propertyId, MAX_TENANTS))
      return { organizationId, propertyId };
    return { organizationId, propertyId: undefined };
  }

  /** Number of values that are kept for a field. */
  countValues(field: LimitedField): number {
    return this.#values.get(field)?.all.size ?? 0;
  }

  #isKept(field: LimitedField, value: string, limit: number): boolean {
    let values = this.#values.get(field);
    if (values === undefined) {
      values = { all: new Set(), last: undefined };
      this.#values.set(field, values);
    }
    // Comparing with the last value is faster than finding it.
    if (values.last === value) return true;
    if (!values.all.has(value)) {
      if (values.all.size >= limit) {
        this.#report(field, limit);
        return false;
      }
      values.all.add(copyText(value));
    }
    values.last = value;
    return true;
  }

  #report(field: LimitedField, limit: number): void {
    // Runs for each value over the limit, and creating an error takes long.
    this.#warnOnce(field, () => {
      const isTenant = TENANT_FIELDS.some((each) => each === field);
      const replacement = isTenant ? 'no value' : OTHER_VALUE;
      return createError('PS_VALUE_LIMIT', { field, limit, replacement }).message;
    });
    runGuarded('the limits of recordMetric', () => {
      this.#countGrouped ??= createGroupedCounter();
      this.#countGrouped(field);
    });
  }
}

const NO_TENANT: RowTenant = { organizationId: undefined, propertyId: undefined };

function createGroupedCounter(): (field: LimitedField) => void {
  const meter = getMeterProvider()?.getMeter('perfscope.record') ?? createNoopMeter();
  const counter = meter.createCounter('perfscope.values.grouped', {
    unit: '{value}',
    description: 'Values that were stored as (other), because their field has too many, by field.',
  });
  return (field) => counter.add(1, { 'perfscope.field': field });
}
