import type {
  DecisionOutcomeStatus,
  DecisionStatus,
} from '../../core/schema/tables/rule-decisions-table.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';

/** A decision of a business rule, or what became of it at `author`. */
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

/** A queue or a service with what is recommended for it. */
export interface ScalingView {
  readonly kind: 'queue' | 'service';
  readonly name: string;
  readonly desired: number;
  /** Workers that are connected, or instances that answered. */
  readonly current: number | undefined;
  /** Of the last minute: a second, in ms, and what waits. */
  readonly arrivalRate: number;
  readonly processingTime: number | undefined;
  readonly backlog: number;
  readonly reason: string;
}

/** What is to be recommended, and for which target. Times in ms. */
export interface ScalingRequest {
  readonly queue?: readonly string[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly waitMs: number;
  readonly concurrency: number;
  readonly min: number;
  readonly max: number;
  readonly stabilizationMs: number;
}

/** A breaker that an alert wants to be open, and for how much longer that is known. */
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
  /** Only what is older than this row. */
  readonly after?: { readonly atMs: number; readonly id: string; readonly seq: number } | undefined;
}

/** Where actions are read. What the scope does not show is not there. */
export interface ActionService {
  /**
   * Settings that are not at their default now, and how long each of them counts.
   *
   * @throws PS_UNAVAILABLE until it is known what counted before the start
   */
  listActiveSettings(
    scope: TenantScope,
  ): readonly (DecisionView & { readonly remainingMs: number })[];
  listForcedBreakers(scope: TenantScope): readonly ForcedBreakerView[];
  /** Rows of `rule_decisions`, the newest first. @throws PS_UNAVAILABLE */
  listDecisions(filter: DecisionFilter, scope: TenantScope): Promise<DecisionView[]>;
  /** @throws PS_UNAVAILABLE */
  recommendScaling(ask: ScalingRequest, scope: TenantScope): Promise<ScalingView[]>;
  /** Where who follows from now on begins. */
  getPosition(): string;
  /** Hears of each decision from now on, and first of those behind `position` that are still known. */
  subscribe(
    scope: TenantScope,
    position: string | undefined,
    hear: (change: { readonly position: string; readonly decision: DecisionView }) => void,
  ): () => void;
}
