import type { AlertSeverity, PerformanceMetricType } from '../../schema/metric-type.ts';
import type { Dimension } from '../../windows/dimensions.ts';
import type { Template } from '../template/template.ts';
import type { SqlRule } from './sql.ts';
import type { Aggregate, InternalFigure } from './words.ts';

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
  readonly figure: InternalFigure;
}

/** From this value on (strictly beyond it) an alert has this severity. */
export interface Level {
  readonly severity: AlertSeverity;
  readonly threshold: number;
}

/** By what a group's value is judged. */
export interface Judgement {
  readonly enabled: boolean;
  /** From the mildest severity to the worst. */
  readonly levels: readonly Level[];
  /** The value up to which a firing alert stays; undefined: the first threshold. */
  readonly recovery: number | undefined;
  /** Fewer measurements than this are too few to judge by. */
  readonly minimumCount: number;
}

export interface TenantOverride extends Judgement {
  readonly organization: string;
  readonly property: string | undefined;
}

export interface Rule extends Judgement {
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

export type Labels = Readonly<Record<string, string>>;

/** The judgement for a group: its property's, else its organization's, else the rule's own. */
export function judgementOf(rule: Rule, labels: Labels): Judgement {
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
export function windowOf({ source, intervalMs }: Rule): number {
  return source.kind === 'internal' ? 2 * intervalMs : source.windowMs;
}
