import type {
  DecisionOutcomeStatus,
  DecisionStatus,
} from '../../core/schema/tables/rule-decisions-table.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';

/** A decision of a business rule, or its outcome as reported by `author`. */
export interface DecisionView {
  readonly at: Date;
  readonly id: string;
  readonly seq: number;
  readonly rule: string;
  readonly event: string;
  readonly setting: string;
  readonly status: DecisionStatus | DecisionOutcomeStatus;
  readonly author: string;
  readonly value: number;
  readonly previous: number;
  readonly defaultValue: number;
  readonly facts: Readonly<Record<string, number>>;
  readonly reason: string;
  readonly expiresAt: Date | undefined;
  readonly dryRun: boolean;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
}

/** The scaling recommendation for a queue or a service. */
export interface ScalingView {
  readonly kind: 'queue' | 'service';
  readonly name: string;
  /** Scope of the queue. Undefined for a service, and for a queue without a scope. */
  readonly scope: string | undefined;
  readonly desired: number;
  /** Number of connected workers, or of running instances that served requests. */
  readonly current: number | undefined;
  /** Arrivals per second in the last minute. */
  readonly arrivalRate: number;
  /**
   * Mean processing time in the last minute, in ms. For a job, this includes its retries.
   */
  readonly processingTime: number | undefined;
  /** Number of waiting jobs. */
  readonly backlog: number;
  readonly reason: string;
}

/** The queues and services that need a scaling recommendation, and the targets. Times are in ms. */
export interface ScalingRequest {
  readonly queue?: readonly string[] | undefined;
  readonly queueScope?: readonly string[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly waitMs: number;
  readonly concurrency: number;
  readonly min: number;
  readonly max: number;
  readonly stabilizationMs: number;
}

/** A breaker that an alert forces open until the lease ends. */
export interface ForcedBreakerView {
  readonly name: string;
  readonly alertId: string;
  readonly rule: string;
  readonly leaseMs: number;
}

export interface DecisionFilter {
  readonly fromMs: number;
  readonly toMs: number;
  readonly rule?: readonly string[] | undefined;
  readonly setting?: readonly string[] | undefined;
  readonly status?: readonly string[] | undefined;
  readonly limit: number;
  /** Returns only rows older than this row. */
  readonly after?: { readonly atMs: number; readonly id: string; readonly seq: number } | undefined;
}

/** Reads decisions, settings, and recommendations. Returns only data that the scope includes. */
export interface ActionService {
  /**
   * Returns the settings that differ from their default, each with the time until it expires.
   *
   * @throws PS_UNAVAILABLE until decisions from before startup have been loaded
   */
  listActiveSettings(
    scope: TenantScope,
  ): readonly (DecisionView & { readonly remainingMs: number })[];
  listForcedBreakers(scope: TenantScope): readonly ForcedBreakerView[];
  /** Returns rows of `rule_decisions`, newest first. @throws PS_UNAVAILABLE */
  listDecisions(filter: DecisionFilter, scope: TenantScope): Promise<DecisionView[]>;
  /** @throws PS_UNAVAILABLE */
  recommendScaling(request: ScalingRequest, scope: TenantScope): Promise<ScalingView[]>;
  /** Returns the position from which a new subscriber with `scope` starts. */
  getPosition(scope: TenantScope): string;
  /** Sends buffered decisions after `position`, then each new decision. @returns a function that unsubscribes */
  subscribe(
    scope: TenantScope,
    position: string | undefined,
    listener: (change: { readonly position: string; readonly decision: DecisionView }) => void,
  ): () => void;
}
