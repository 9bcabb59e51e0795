import { MINUTE_MS } from '../../../core/duration.ts';
import type { AlertRule, Measure } from '../rules/alert-rule.ts';
import type { Aggregate } from '../rules/rule-aggregates.ts';
import { getStepMs, type Objective, type ObjectiveKind } from './objective.ts';

const AGGREGATE_BY_KIND: Readonly<Record<ObjectiveKind, Aggregate>> = {
  availability: 'error_ratio',
  latency: 'slow_share',
  average: 'mean',
  uptime: 'uptime',
};

/** Returns all rules, and the built-in targets in the form of rules. */
export function listRulesAndTargets({
  rules,
  objectives,
  intervalMs,
}: {
  readonly rules: readonly AlertRule[];
  readonly objectives: readonly Objective[];
  readonly intervalMs: number;
}): AlertRule[] {
  const targets = objectives.filter(({ isTarget }) => isTarget);
  return [...rules, ...targets.map((target) => toTargetRule(target, intervalMs))];
}

/**
 * Returns a built-in target in the form of an alert rule, for the list of rules and for the thresholds of
 * charts. The rule itself is never evaluated: the burn-rate rules alert on the objective.
 */
export function toTargetRule(objective: Objective, intervalMs: number): AlertRule {
  const { name, kind, type, filter, groupBy, description, target, thresholdMs } = objective;
  const isBelow = kind === 'uptime';
  const threshold =
    kind === 'average' ? (thresholdMs ?? 0) : isBelow ? target : Number((100 - target).toFixed(9));
  const source: Measure = {
    kind: 'measure',
    aggregate: AGGREGATE_BY_KIND[kind],
    type,
    filter,
    groupBy,
    windowMs: getStepMs(objective),
    slowerThanMs: kind === 'latency' ? thresholdMs : undefined,
    baselineMs: undefined,
    minimumIncrease: 0,
  };
  return {
    name,
    source,
    enabled: true,
    levels: [{ severity: 'warning', threshold }],
    recovery: undefined,
    minimumCount: 0,
    direction: isBelow ? 'below' : 'above',
    evidence: { confidence: 'none', scale: 100, excludesOutlier: false, minimumCoverageMs: 0 },
    intervalMs,
    forMs: 0,
    keepFiringForMs: 0,
    noData: 'ok',
    noDataAfterMs: 5 * MINUTE_MS,
    noDataSeverity: 'warning',
    noDataMinimumAgeMs: 0,
    target: true,
    labels: { scope: 'target' },
    annotations: description === undefined ? {} : { summary: toTemplate(description) },
    runbook: '#targets',
    tenants: objective.tenants.map(({ organization, property, enabled, ...limits }) => ({
      organization,
      property,
      enabled,
      levels: [
        {
          severity: 'warning' as const,
          threshold:
            kind === 'average'
              ? (limits.thresholdMs ?? 0)
              : isBelow
                ? limits.target
                : Number((100 - limits.target).toFixed(9)),
        },
      ],
      recovery: undefined,
      minimumCount: 0,
    })),
  };
}

function toTemplate(text: string) {
  return Object.assign(() => text, { text });
}
