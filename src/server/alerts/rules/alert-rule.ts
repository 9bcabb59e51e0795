import type { Labels } from '../../../core/alerts/alert.ts';
import type { AlertSeverity, PerformanceMetricType } from '../../../core/schema/enums.ts';
import type { Dimension } from '../../../storage/queries/query.ts';
import type { Template } from './annotation-template.ts';
import type { SqlRule } from './parse-sql-rule.ts';
import type { Aggregate, InternalMetric } from './rule-aggregates.ts';

/** What a rule measures of the rows of a window, one value for each group. */
export interface Measure {
  readonly kind: 'measure';
  readonly aggregate: Aggregate;
  /** Undefined where the aggregate means one type only, or all. */
  readonly type: PerformanceMetricType | undefined;
  /** A row counts when each of these dimensions has one of the texts. */
  readonly filter: Readonly<Partial<Record<Dimension, readonly string[]>>>;
  readonly groupBy: readonly Dimension[];
  readonly windowMs: number;
  /** Of `slow_share` and `apdex`. */
  readonly slowerThanMs: number | undefined;
  /** Of `spike`: length of the time before `now` whose mean is the usual one. */
  readonly baselineMs: number | undefined;
}

export interface SqlMeasure extends SqlRule {
  readonly kind: 'sql';
  readonly windowMs: number;
}

/** What Perfscope knows of itself; fed by name. */
export interface InternalMeasure {
  readonly kind: 'internal';
  readonly metric: InternalMetric;
}

/** From this value on (strictly beyond it) an alert has this severity. */
export interface ThresholdLevel {
  readonly severity: AlertSeverity;
  readonly threshold: number;
}

/** By what a group's value is judged. */
export interface RuleThresholds {
  readonly enabled: boolean;
  /** From the mildest severity to the worst. */
  readonly levels: readonly ThresholdLevel[];
  /** The value up to which a firing alert stays; undefined: the first threshold. */
  readonly recovery: number | undefined;
  /** Fewer measurements than this are too few to judge by. */
  readonly minimumCount: number;
}

export interface TenantOverride extends RuleThresholds {
  readonly organization: string;
  readonly property: string | undefined;
}

export interface AlertRule extends RuleThresholds {
  readonly name: string;
  readonly source: Measure | SqlMeasure | InternalMeasure;
  readonly direction: 'above' | 'below';
  /** Time between two evaluations. */
  readonly intervalMs: number;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly noData: 'ok' | 'keep' | 'alert';
  /** For how long a group must be absent before `noData` applies. */
  readonly noDataAfterMs: number;
  readonly noDataSeverity: AlertSeverity;
  /** An objective: the share of time that it was met is shown beside its alerts. */
  readonly target: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, Template>>;
  readonly runbook: string | undefined;
  readonly tenants: readonly TenantOverride[];
}

/** The judgement for a group: its property's, else its organization's, else the rule's own. */
export function getRuleThresholds(rule: AlertRule, labels: Labels): RuleThresholds {
  const { organization, property } = labels;
  if (rule.tenants.length === 0 || organization === undefined) return rule;
  const own = rule.tenants.filter((t) => t.organization === organization);
  return (
    own.find((t) => t.property !== undefined && t.property === property) ??
    own.find((t) => t.property === undefined) ??
    rule
  );
}

/**
 * Length of the window whose rows an observation rests on. What Perfscope knows of itself is of the
 * moment, and the next look may come a little later than an interval.
 */
export function getObservationWindowMs({ source, intervalMs }: AlertRule): number {
  return source.kind === 'internal' ? 2 * intervalMs : source.windowMs;
}
