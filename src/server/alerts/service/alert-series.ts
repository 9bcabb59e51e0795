import type { Labels } from '../../../core/alerts/alert.ts';
import { isExternalRule } from '../../../core/alerts/external-alert.ts';
import { mapLimit } from '../../../core/concurrency.ts';
import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import { chooseStepMs } from '../../../storage/queries/time-buckets.ts';
import { ceilTo, getRangeLengthMs, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import { toLabelsKey } from '../evaluation/observation.ts';
import { queryMeasure } from '../rule-queries/measure-query.ts';
import { RuleQueryCache } from '../rule-queries/rule-query-cache.ts';
import {
  type AlertRule,
  getRuleThresholds,
  type Measure,
  type ThresholdLevel,
} from '../rules/alert-rule.ts';
import { getRuleUnit } from './rule-details.ts';

/** The times for which to measure an alert's value. */
export interface SeriesRequest {
  /** Default: from one hour before the alert started until now, or an hour after it was resolved. */
  readonly range?: TimeRange | undefined;
  /** Default: a step with at most 120 points. */
  readonly stepMs?: number | undefined;
  /** Interval at which services report their health, in ms. */
  readonly healthIntervalMs: number;
}

interface SeriesPoint {
  readonly at: Date;
  /** Undefined if nothing was reported, or if the value is infinite. */
  readonly value: number | undefined;
}

/** The value of an alert over time. */
export interface AlertSeries {
  readonly range: TimeRange;
  /** Undefined if the points are the values of the transitions. */
  readonly stepMs: number | undefined;
  readonly points: readonly SeriesPoint[];
  readonly thresholds: readonly ThresholdLevel[];
  /** Undefined if the rule no longer exists. */
  readonly direction: AlertRule['direction'] | undefined;
  readonly unit: string | undefined;
  /** Why the points are only the values of the transitions. */
  readonly note: string | undefined;
}

/** Each point is an evaluation of the rule with its own queries. */
const MAX_POINTS = 120;
/** Limit on concurrent evaluations, so that other requests of the caller can run too. */
const MAX_CONCURRENT_EVALUATIONS = 3;

/**
 * Measures the value of an alert at each step, as the evaluator does. For other rules than metric rules, returns the
 * values of the transitions.
 *
 * @param transitions transitions of one alert, newest first. At least one.
 * @throws PS_REQUEST_INVALID if the step gives too many points
 */
export async function queryAlertSeries(
  queryClient: QueryClient,
  rule: AlertRule | undefined,
  transitions: readonly Transition[],
  request: SeriesRequest,
  { scope, now }: { scope: TenantScope; now: number },
): Promise<AlertSeries> {
  const last = transitions[0]!;
  const labels = JSON.parse(last.labels) as Labels;
  const range = request.range ?? getDefaultRange(last, now);
  const common = {
    range,
    direction: rule?.direction,
    unit: rule && getRuleUnit(rule),
    thresholds: rule ? getRuleThresholds(rule, labels).levels : collectThresholds(transitions),
  };
  if (rule?.source.kind !== 'measure' || rule.source.anomaly) {
    const points = toTransitionPoints(transitions, range);
    return { ...common, stepMs: undefined, points, note: formatNote(last.rule, rule) };
  }
  const stepMs = resolveStepMs(range, request.stepMs);
  const measure = narrowMeasure(rule.source, labels);
  const key = toLabelsKey(labels);
  const intervalMs = ceilTo(request.healthIntervalMs, MINUTE_MS);
  const times = listTimes(range, stepMs);
  const values = new Map<number, number | undefined>();
  await mapLimit(times, MAX_CONCURRENT_EVALUATIONS, async (atMs) => {
    const cache = new RuleQueryCache(queryClient, atMs, intervalMs, [measure], scope);
    const observations = await queryMeasure(measure, cache);
    const value = observations.find((each) => toLabelsKey(each.labels) === key)?.value;
    values.set(atMs, Number.isFinite(value) ? value : undefined);
  });
  const points = times.map((atMs) => ({ at: new Date(atMs), value: values.get(atMs) }));
  return { ...common, stepMs, points, note: undefined };
}

function getDefaultRange(last: Transition, now: number): TimeRange {
  const endMs = last.state === 'resolved' ? last.timestamp + HOUR_MS : now;
  return { fromMs: last.startedAt - HOUR_MS, toMs: Math.min(endMs, now) };
}

function resolveStepMs(range: TimeRange, requestedMs: number | undefined): number {
  const shortestMs = chooseStepMs(range, MAX_POINTS);
  if (requestedMs === undefined) return shortestMs;
  if (getRangeLengthMs(range) / requestedMs <= MAX_POINTS) return requestedMs;
  const reason = `step results in more than ${MAX_POINTS} points; allowed: ${shortestMs / MINUTE_MS}m or more for this range`;
  const errors = [{ parameter: 'step', reason: `results in more than ${MAX_POINTS} points` }];
  throw createError('PS_REQUEST_INVALID', { reason, errors });
}

/** Returns the whole steps in a range, so that the same times are measured in each request. */
function listTimes({ fromMs, toMs }: TimeRange, stepMs: number): number[] {
  const times: number[] = [];
  for (let atMs = ceilTo(fromMs, stepMs); atMs <= toMs; atMs += stepMs) times.push(atMs);
  return times;
}

/** Selects the rows without a value of a dimension. */
const NO_VALUE = '(none)';

/** Limits a measure to the rows of one group, so that its queries read as little as possible. */
function narrowMeasure(measure: Measure, labels: Labels): Measure {
  // Which queues are counted from histograms depends on the rows of all groups.
  if (measure.aggregate === 'failure_rate') return measure;
  const ofGroup = measure.groupBy.map((name) => [name, [labels[name] ?? NO_VALUE]] as const);
  return { ...measure, filter: { ...measure.filter, ...Object.fromEntries(ofGroup) } };
}

function toTransitionPoints(transitions: readonly Transition[], { fromMs, toMs }: TimeRange) {
  return transitions
    .filter(({ timestamp }) => timestamp >= fromMs && timestamp <= toMs)
    .map(({ timestamp, value }) => ({ at: new Date(timestamp), value }))
    .reverse();
}

/** Returns the thresholds that an alert crossed. */
function collectThresholds(transitions: readonly Transition[]): ThresholdLevel[] {
  const bySeverity = new Map(
    transitions
      .filter(({ state, threshold }) => state !== 'resolved' && threshold !== undefined)
      .map(({ severity, threshold }) => [severity, threshold!]),
  );
  return [...bySeverity].map(([severity, threshold]) => ({ severity, threshold }));
}

const ONLY_CHANGES = 'so the points are only the values when the alert changed';

const KIND_NAMES: Readonly<Record<AlertRule['source']['kind'], string>> = {
  measure: 'a rule',
  sql: 'a SQL rule',
  internal: 'a rule about Perfscope itself',
  burnRate: 'a rule about objectives',
  deploy: 'a rule about deploys',
  forecast: 'a rule about forecasts',
};

function formatNote(name: string, rule: AlertRule | undefined): string {
  if (isExternalRule(name)) {
    return 'Another system evaluates this alert, so Perfscope does not know its values.';
  }
  if (!rule) return `The rule was removed, ${ONLY_CHANGES}.`;
  const isAnomaly = rule.source.kind === 'measure' && rule.source.anomaly;
  const kind = isAnomaly ? 'a rule about anomalies' : KIND_NAMES[rule.source.kind];
  return `This is ${kind}, ${ONLY_CHANGES}.`;
}
