import type { Attributes } from '@opentelemetry/api';
import { copyText } from '../../../core/copy-text.ts';
import { guard } from '../../../core/guard.ts';
import { FUNCTION_DURATION_METRIC_NAME } from '../../../core/request-breakdown.ts';
import { ATTR_METRIC_OVERFLOW } from '../../attribute-keys.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import { toTenantAttributes } from '../context/caller.ts';
import { RequestParts, type TimedOperation } from '../context/request-parts.ts';
import { getCurrentScope, type Tenant } from '../context/tenant-context.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import {
  type HistogramSeries,
  type KeyedHistogram,
  recordValue,
} from '../histograms/keyed-histogram.ts';

/** Bucket boundaries, in seconds. */
const FUNCTION_DURATION_BOUNDARIES_S = [
  0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60,
];
/** Maximum length of a name. Longer names are truncated. */
const MAX_NAME_LENGTH = 255;
/** Limits the memory of names that `traceStep` receives. More names need a lookup of their series for each call. */
const MAX_CACHED_NAMES = 1000;

/** What fails, for {@link guard}. */
const PART = 'the traced functions';

/** A function whose calls are recorded, with its most recent series. */
export class TracedFunctionName {
  readonly name: string;
  series: HistogramSeries | undefined;
  organizationId: string | undefined;
  propertyId: string | undefined;

  constructor(name: string) {
    this.name = copyText(name.slice(0, MAX_NAME_LENGTH));
  }
}

/** A call in progress. Its methods never throw. */
export class FunctionCall implements TimedOperation {
  readonly kind = 'function';
  readonly #recorder: FunctionRecorder;
  readonly traced: TracedFunctionName;
  readonly tenant: Tenant | undefined;
  startMs: number;
  endMs: number | undefined;
  failed = false;

  constructor(
    recorder: FunctionRecorder,
    traced: TracedFunctionName,
    tenant: Tenant | undefined,
    startMs: number,
  ) {
    this.#recorder = recorder;
    this.traced = traced;
    this.tenant = tenant;
    this.startMs = startMs;
  }

  get name(): string {
    return this.traced.name;
  }

  /** Measures from now on. */
  restart(): void {
    this.startMs = performance.now();
  }

  /**
   * Records the duration. Only the first call has an effect.
   *
   * @param error what the function threw. Undefined if this isn't known.
   */
  end(failed: boolean, error?: unknown): void {
    this.#recorder.end(this, failed, error);
  }
}

/**
 * Records each call of a traced function as `perfscope.function.duration`, by function and tenant, and as a step of the
 * current request.
 */
export class FunctionRecorder {
  readonly #histogram: KeyedHistogram;
  readonly #names = new Map<string, TracedFunctionName>();

  constructor(histograms: HistogramRegistry) {
    this.#histogram = histograms.create({
      scope: 'perfscope.function',
      name: FUNCTION_DURATION_METRIC_NAME,
      unit: 's',
      description: 'Duration of the functions that the application traces.',
      boundaries: FUNCTION_DURATION_BOUNDARIES_S,
    });
  }

  /** Returns the function with a name, for callers that don't keep it. */
  getFunction(name: string): TracedFunctionName {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const created = new TracedFunctionName(name);
    if (this.#names.size < MAX_CACHED_NAMES) this.#names.set(created.name, created);
    return created;
  }

  /** Starts a call. Returns undefined after a failure. */
  readonly start = guard(PART, (traced: TracedFunctionName): FunctionCall => {
    const scope = getCurrentScope();
    const call = new FunctionCall(this, traced, scope?.tenant, performance.now());
    const request = scope?.holder;
    if (request !== undefined && !request.ended && overhead.level < OverheadLevel.NO_SAMPLE_PARTS) {
      request.parts ??= new RequestParts(request);
      request.parts.addStep(call);
    }
    return call;
  });

  readonly end = guard(PART, (call: FunctionCall, failed: boolean, error: unknown): void => {
    if (call.endMs !== undefined) return;
    call.endMs = performance.now();
    call.failed = failed;
    const series = failed
      ? this.#getFailedSeries(call.traced.name, call.tenant, getErrorType(error))
      : this.#getSeries(call.traced, call.tenant);
    recordValue(series, (call.endMs - call.startMs) / 1000);
  });

  #getSeries(traced: TracedFunctionName, tenant: Tenant | undefined): HistogramSeries {
    const { series } = traced;
    if (
      series !== undefined &&
      traced.organizationId === tenant?.organizationId &&
      traced.propertyId === tenant?.propertyId
    )
      return series;
    const created = this.#histogram.getSeries(getKey(traced.name, tenant, ''), () => ({
      'code.function.name': traced.name,
      ...toTenantAttributes(tenant),
    }));
    // A combined series isn't stored, because each of its values is counted as an overflow.
    if (created.attributes[ATTR_METRIC_OVERFLOW] !== true) {
      traced.series = created;
      traced.organizationId = tenant?.organizationId;
      traced.propertyId = tenant?.propertyId;
    }
    return created;
  }

  #getFailedSeries(name: string, tenant: Tenant | undefined, errorType: string): HistogramSeries {
    const errorAttributes: Attributes = { 'error.type': errorType };
    return this.#histogram.getSeries(
      getKey(name, tenant, errorType),
      () => ({ 'code.function.name': name, ...toTenantAttributes(tenant), ...errorAttributes }),
      errorAttributes,
    );
  }
}

function getKey(name: string, tenant: Tenant | undefined, errorType: string): string {
  return `${name}\n${errorType}\n${tenant?.organizationId ?? ''}\n${tenant?.propertyId ?? ''}`;
}

/** Returns the class of an error. `_OTHER` if it isn't known, or not an error. Never throws. */
function getErrorType(error: unknown): string {
  try {
    const name = (error as { name?: unknown } | null | undefined)?.name;
    return typeof name === 'string' && /^\w{1,64}$/.test(name) ? name : '_OTHER';
  } catch {
    return '_OTHER';
  }
}
