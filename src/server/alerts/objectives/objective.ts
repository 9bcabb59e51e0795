import type { Labels } from '../../../core/alerts/alert.ts';
import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { PerformanceMetricType } from '../../../core/schema/enums.ts';
import type { Dimension, Filter } from '../../../storage/queries/query-definition.ts';

/** Which events an objective counts. `docs/objectives.md` contains this table. */
export const OBJECTIVE_KINDS = {
  availability: {
    event: 'request',
    unit: '1',
    minimumBadEvents: 10,
    about: 'share of requests or jobs that succeed',
  },
  latency: {
    event: 'request',
    unit: '1',
    minimumBadEvents: 10,
    about: 'share of requests or jobs that take at most `threshold`',
  },
  average: {
    event: 'slice',
    unit: '1',
    minimumBadEvents: 3,
    about: 'share of 5-minute slices in which the average is at most `threshold`',
  },
  uptime: {
    event: 'minute',
    unit: 'min',
    minimumBadEvents: 5,
    about: 'share of minutes in which the service runs',
  },
} as const;
export type ObjectiveKind = keyof typeof OBJECTIVE_KINDS;

/** Periods of objectives. */
export const OBJECTIVE_PERIODS = ['7d', '28d', '30d'] as const;

/**
 * The alerts of an objective: `page` for all burn-rate alerts, `ticket` for the slow one only, and `off` for
 * none.
 */
export const OBJECTIVE_ALERTS = ['page', 'ticket', 'off'] as const;
type ObjectiveAlerts = (typeof OBJECTIVE_ALERTS)[number];

/** The limits of an objective for a group. */
export interface ObjectiveLimits {
  readonly enabled: boolean;
  /** Required share of good events, in percent. */
  readonly target: number;
  /** Longest good duration in ms. Undefined unless the kind is `latency` or `average`. */
  readonly thresholdMs: number | undefined;
}

interface ObjectiveOverride extends ObjectiveLimits {
  readonly organization: string;
  readonly property: string | undefined;
}

export interface Objective extends ObjectiveLimits {
  readonly name: string;
  readonly kind: ObjectiveKind;
  readonly description: string | undefined;
  /** Type of the counted measurements. Undefined for `uptime`, which counts health reports. */
  readonly type: PerformanceMetricType | undefined;
  readonly filter: Filter;
  readonly groupBy: readonly Dimension[];
  /** Length of the period in ms. The period ends now. */
  readonly periodMs: number;
  readonly alerts: ObjectiveAlerts;
  /** With fewer failures in the long window, no alert fires. */
  readonly minimumBadEvents: number;
  readonly tenants: readonly ObjectiveOverride[];
  /** Whether the objective is one of the built-in targets. */
  readonly isTarget: boolean;
}

const SLICE_MS = 5 * MINUTE_MS;

/** Returns the length of the counted steps, in ms. */
export function getStepMs({ kind }: Pick<Objective, 'kind'>): number {
  return kind === 'average' ? SLICE_MS : MINUTE_MS;
}

/** Steps are kept for this time. It is longer than the windows of all burn-rate alerts but the slow one. */
export const STEPS_KEPT_MS = 8 * HOUR_MS;

/** Returns the limits for a group: from its property, its organization, or the objective. */
export function getObjectiveLimits(
  objective: Objective,
  { organization, property }: Labels,
): ObjectiveLimits {
  if (objective.tenants.length === 0 || organization === undefined) return objective;
  const overrides = objective.tenants.filter((each) => each.organization === organization);
  return (
    overrides.find((each) => each.property !== undefined && each.property === property) ??
    overrides.find((each) => each.property === undefined) ??
    objective
  );
}
