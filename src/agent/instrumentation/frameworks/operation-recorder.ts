import type { Attributes } from '@opentelemetry/api';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../../attribute-keys.ts';
import type { Tenant } from '../context/tenant-context.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import { type KeyedHistogram, recordValue } from '../histograms/keyed-histogram.ts';
import { RecentSeries } from '../histograms/recent-series.ts';

/** Boundaries in seconds, the same as for HTTP requests. */
const OPERATION_BOUNDARIES_S = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** A GraphQL operation or a tRPC procedure. Callers keep the object, because it stores its most recent series. */
export interface NamedOperation {
  /** Type, such as `query`. Undefined for a rejected document. */
  readonly type: string | undefined;
  /** Undefined for an operation without a name. */
  readonly name: string | undefined;
}

export interface OperationRecorderOptions {
  readonly histograms: HistogramRegistry;
  /** Name of the histogram. */
  readonly metric: string;
  readonly description: string;
  /** Returns the attributes of an operation. */
  readonly toAttributes: (operation: NamedOperation) => Attributes;
}

/** Records the durations of operations by type, name, tenant, and class of error. */
export class OperationRecorder {
  readonly #histogram: KeyedHistogram;
  readonly #toAttributes: OperationRecorderOptions['toAttributes'];

  constructor({ histograms, metric, description, toAttributes }: OperationRecorderOptions) {
    this.#toAttributes = toAttributes;
    this.#histogram = histograms.create({
      scope: 'perfscope.rpc',
      name: metric,
      unit: 's',
      description,
      boundaries: OPERATION_BOUNDARIES_S,
    });
  }

  /** @param errorType class of the error, or undefined if the operation succeeded */
  record(
    operation: NamedOperation,
    durationMs: number,
    tenant: Tenant | undefined,
    errorType: string | undefined,
  ): void {
    const identity = { histogram: this.#histogram, tenant, name: '' };
    const recent = errorType === undefined ? RecentSeries.get(operation, identity) : undefined;
    const series = recent ?? this.#findSeries(operation, tenant, errorType);
    if (recent === undefined && errorType === undefined)
      RecentSeries.set(operation, identity, series);
    recordValue(series, durationMs / 1000);
  }

  #findSeries(
    operation: NamedOperation,
    tenant: Tenant | undefined,
    errorType: string | undefined,
  ) {
    const { organizationId = '', propertyId = '' } = tenant ?? {};
    const { type, name } = operation;
    const key = `${type ?? ''}\n${name ?? ''}\n${errorType ?? ''}\n${organizationId}\n${propertyId}`;
    const errorAttributes: Attributes = errorType === undefined ? {} : { 'error.type': errorType };
    return this.#histogram.getSeries(
      key,
      () => ({
        ...this.#toAttributes(operation),
        ...errorAttributes,
        ...(organizationId && { [ATTR_ORGANIZATION_ID]: organizationId }),
        ...(propertyId && { [ATTR_PROPERTY_ID]: propertyId }),
      }),
      errorAttributes,
    );
  }
}
