import type { Labels } from '../../../core/alerts/alert.ts';
import type { AlertSeverity, PerformanceMetricType } from '../../../core/schema/enums.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import type { BandAggregate } from '../../anomalies/band-measure.ts';
import type { Sensitivity } from '../../anomalies/model/band.ts';
import type { ForecastKind } from '../../forecasts/forecast-subject.ts';
import type { BurnRateSpeed } from '../objectives/burn-rate-windows.ts';
import type { Template } from './annotation-template.ts';
import type { SqlRule } from './parse-sql-rule.ts';
import type { Aggregate, InternalMetric } from './rule-aggregates.ts';

/** The aggregate whose distance from its normal values is the value of the rule. */
export interface AnomalyMeasure {
  readonly of: BandAggregate;
  readonly sensitivity: Sensitivity;
  /** The side on which a distance is positive. With `both`, each distance is positive. */
  readonly direction: 'above' | 'below' | 'both';
}

/** What a rule measures in its window. The result is one value for each group. */
export interface Measure {
  readonly kind: 'measure';
  readonly aggregate: Aggregate;
  /** Undefined if the aggregate has a fixed type or applies to all types. */
  readonly type: PerformanceMetricType | undefined;
  /** Rows must have one of the values in each of these dimensions. */
  readonly filter: Readonly<Partial<Record<Dimension, readonly string[]>>>;
  readonly groupBy: readonly Dimension[];
  readonly windowMs: number;
  /** Only for `slow_share` and `apdex`. */
  readonly slowerThanMs: number | undefined;
  /** Only for `spike` and `surge`: length of the baseline. */
  readonly baselineMs: number | undefined;
  /** Only for `spike` and `surge`: the value must be greater than the usual value by this much. */
  readonly minimumIncrease: number;
  /** Only for `anomaly`. */
  readonly anomaly?: AnomalyMeasure | undefined;
}

export interface SqlMeasure extends SqlRule {
  readonly kind: 'sql';
  readonly windowMs: number;
}

/** Labels of the alerts about deploys. */
export const DEPLOY_LABELS = [
  'service',
  'environment',
  'version',
  'organization',
  'subject',
  'statistic',
  'evidence',
] as const;

/** The confirmed regressions of deploys: longer durations in percent, or failures in percentage points. */
export interface DeployMeasure {
  readonly kind: 'deploy';
  readonly metric: 'duration' | 'errors';
  readonly windowMs: number;
}

/** A metric about Perfscope itself. */
interface InternalMeasure {
  readonly kind: 'internal';
  readonly metric: InternalMetric;
}

/** The burn rates of all objectives that have alerts. */
interface BurnRateMeasure {
  readonly kind: 'burnRate';
  readonly speed: BurnRateSpeed;
  /** Length of the long window for an objective over 30 days. */
  readonly windowMs: number;
}

/** The times until the limits of all subjects of a kind are reached, in ms. */
interface ForecastMeasure {
  readonly kind: 'forecast';
  readonly subject: ForecastKind;
  readonly windowMs: number;
}

/** The source of a rule's values. */
export type RuleSource =
  | Measure
  | SqlMeasure
  | InternalMeasure
  | BurnRateMeasure
  | DeployMeasure
  | ForecastMeasure;

/**
 * An alert has this severity if the value is beyond the threshold. A value equal to the threshold
 * is not beyond it.
 */
export interface ThresholdLevel {
  readonly severity: AlertSeverity;
  readonly threshold: number;
}

/** The thresholds for the value of a group. */
export interface RuleThresholds {
  readonly enabled: boolean;
  /** Sorted from the lowest severity to the highest. */
  readonly levels: readonly ThresholdLevel[];
  /** A firing alert resolves at this value. Undefined means the first threshold. */
  readonly recovery: number | undefined;
  /** With fewer measurements, no threshold counts as breached. */
  readonly minimumCount: number;
}

export interface TenantOverride extends RuleThresholds {
  readonly organization: string;
  readonly property: string | undefined;
}

/** Confidence levels, with the quantile of the normal distribution for both sides. */
export const CONFIDENCE_LEVELS = {
  none: 0,
  '80%': 1.281_552,
  '90%': 1.644_854,
  '95%': 1.959_964,
  '99%': 2.575_829,
  '99.9%': 3.290_527,
} as const;
export type ConfidenceLevel = keyof typeof CONFIDENCE_LEVELS;

/** Evidence that a value must have to count as beyond a threshold. */
export interface RuleEvidence {
  /** Level of the Wilson score interval of a share. `none` compares the share itself. */
  readonly confidence: ConfidenceLevel;
  /** The value of a share of 100 %: 100 or 1. */
  readonly scale: number;
  /** Whether a mean must be beyond the threshold even without its most extreme measurement. */
  readonly excludesOutlier: boolean;
  /** Minimum time between the oldest and the newest row of the window, in ms. */
  readonly minimumCoverageMs: number;
}

export interface AlertRule extends RuleThresholds {
  readonly name: string;
  readonly source: RuleSource;
  readonly direction: 'above' | 'below';
  readonly evidence: RuleEvidence;
  /** Time between two evaluations. */
  readonly intervalMs: number;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  readonly noData: 'ok' | 'keep' | 'alert';
  /** Time without data after which `noData` applies. */
  readonly noDataAfterMs: number;
  readonly noDataSeverity: AlertSeverity;
  /** Time for which a group must have sent data before missing data is an alert, in ms. */
  readonly noDataMinimumAgeMs: number;
  /** Whether the rule is a target. The API shows the percentage of time a target was met. */
  readonly target: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, Template>>;
  readonly runbook: string | undefined;
  readonly tenants: readonly TenantOverride[];
}

/** Returns the thresholds for a group, from its property, its organization, or the rule. */
export function getRuleThresholds(rule: AlertRule, labels: Labels): RuleThresholds {
  const { organization, property } = labels;
  if (rule.tenants.length === 0 || organization === undefined) return rule;
  const overrides = rule.tenants.filter((t) => t.organization === organization);
  return (
    overrides.find((t) => t.property !== undefined && t.property === property) ??
    overrides.find((t) => t.property === undefined) ??
    rule
  );
}

/**
 * Returns the length of the window behind an observation, in ms. Internal metrics have no window.
 * For them, returns two intervals, because the next evaluation can be a little late.
 */
export function getObservationWindowMs({ source, intervalMs }: AlertRule): number {
  return source.kind === 'internal' ? 2 * intervalMs : source.windowMs;
}

/** Returns whether a value is beyond a limit, in the direction of its rule. */
export function isBeyond(value: number, limit: number, direction: AlertRule['direction']): boolean {
  return direction === 'above' ? value > limit : value < limit;
}
