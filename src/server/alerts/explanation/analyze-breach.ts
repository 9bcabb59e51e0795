import type { Labels } from '../../../core/alerts/alert.ts';
import {
  createOrganizationScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../../core/tenant-scope.ts';
import { HOSTS_TABLE } from '../../../storage/queries/aggregation-tables.ts';
import { toHostAggregations } from '../../../storage/queries/host-health.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import { toNumber } from '../../../storage/queries/row-values.ts';
import { runQuery } from '../../../storage/queries/run-query.ts';
import { getLastRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Bottleneck } from '../../bottlenecks/bottleneck.ts';
import { queryBottlenecks } from '../../bottlenecks/query-bottlenecks.ts';
import { type Observation, toLabelsKey } from '../evaluation/observation.ts';
import { queryMeasure } from '../rule-queries/measure-query.ts';
import { RuleQueryCache } from '../rule-queries/rule-query-cache.ts';
import type { Measure } from '../rules/alert-rule.ts';
import { getAggregate, QUEUE_AGGREGATES } from '../rules/rule-aggregates.ts';
import { queryContributors } from './contributors.ts';
import type { BreachAnalysis, MetricChange, SlowerPart, ValueUnit } from './format-cause.ts';
import { listRelatedMetrics, type RelatedMetric } from './related-metrics.ts';
import { querySlowerPart } from './slower-part.ts';

/** The baseline is this many windows long, and ends where the window of the alert starts. */
const BASELINE_WINDOWS = 3;
/** Minimum number of requests, statements, or jobs in the window and in the baseline. */
const MIN_COUNT = 5;
const MIN_BASELINE_COUNT = 20;
/** Standard deviations by which a number of events can differ by chance. */
const MAX_DEVIATIONS = 3;

export interface Breach {
  readonly measure: Measure;
  /** Text that already describes the value. Then, the change of the value is omitted. */
  readonly prefix?: string | undefined;
  /** The labels of the alert's group. */
  readonly group: Labels;
  readonly value: number;
  readonly firedMs: number;
}

interface Caches {
  readonly now: RuleQueryCache;
  readonly before: RuleQueryCache;
}

/**
 * Reads the data that explains a breach: the rule's value before, its contributors, and related metrics of the
 * same tenant and service. The people of a tenant can read the explanation of the tenant's alert. Therefore,
 * that explanation contains only the tenant's own rows, and no hosts.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function analyzeBreach(
  queryClient: QueryClient,
  breach: Breach,
): Promise<BreachAnalysis> {
  const { measure, group, firedMs } = breach;
  const groupMeasure: Measure = { ...measure, filter: { ...measure.filter, ...toFilter(group) } };
  const scope = toReaderScope(group);
  const caches = {
    now: new RuleQueryCache(queryClient, firedMs, 60_000, [], scope),
    before: new RuleQueryCache(queryClient, firedMs - measure.windowMs, 60_000, [], scope),
  };
  const [headline, slowerPart, bottleneck, contributors, changes, services] = await Promise.all([
    queryHeadline({ ...breach, measure: groupMeasure }, caches.before),
    explainDuration(queryClient, { ...breach, measure: groupMeasure }, caches.before, scope),
    explainBottleneck(queryClient, { ...breach, measure: groupMeasure }, scope),
    queryContributors(groupMeasure, caches.now, scope, listMissingTenant(measure, group)),
    queryChanges(breach, caches, scope),
    queryServices(queryClient, breach, scope),
  ]);
  return { headline, slowerPart, bottleneck, contributors, changes, services };
}

/** Values that already describe a change, or that have no earlier value. */
const CHANGE_AGGREGATES: ReadonlySet<Measure['aggregate']> = new Set([
  'spike',
  'surge',
  'crashes',
  'uptime',
]);

/** Returns the change of the rule's own value. A spike's value is already a change. */
async function queryHeadline(
  { measure, group, value, prefix }: Breach,
  before: RuleQueryCache,
): Promise<MetricChange | undefined> {
  const { aggregate } = measure;
  if (CHANGE_AGGREGATES.has(aggregate) || prefix !== undefined) return undefined;
  const found = await queryMeasure(toBaseline(measure), before);
  // A filter can't select rows without a tenant, so there can be other groups.
  const baseline = found.find(({ labels }) => toLabelsKey(labels) === toLabelsKey(group));
  if (baseline?.value === undefined || !hasBaseline(baseline, measure)) return undefined;
  return {
    metric: aggregate,
    subject: undefined,
    before: baseline.value,
    now: value,
    unit: getValueUnit(measure),
    harmful: baseline.value <= value ? 'up' : 'down',
  };
}

/** Aggregates of the duration of requests. */
const DURATION_AGGREGATES: ReadonlySet<Measure['aggregate']> = new Set([
  'mean',
  'max',
  'p50',
  'p90',
  'p95',
  'p99',
  'p999',
  'slow_share',
  'apdex',
  'spike',
]);

/** Returns the part that makes requests slower, for an alert about the duration of requests. */
async function explainDuration(
  queryClient: QueryClient,
  { measure, group, firedMs }: Breach,
  before: RuleQueryCache,
  scope: TenantScope,
): Promise<SlowerPart | undefined> {
  const { windowMs } = measure;
  if (!isAboutDuration(measure)) return undefined;
  const baselines = await queryMeasure(toBaseline({ ...measure, aggregate: 'mean' }), before);
  const baseline = baselines.find(({ labels }) => toLabelsKey(labels) === toLabelsKey(group));
  if (baseline === undefined || !hasBaseline(baseline, measure)) return undefined;
  const labels = Object.entries(group).filter(([name]) =>
    ['service', 'organization', 'property'].includes(name),
  );
  const startMs = firedMs - windowMs;
  return querySlowerPart(queryClient, {
    scope,
    now: { fromMs: startMs, toMs: firedMs },
    before: { fromMs: startMs - BASELINE_WINDOWS * windowMs, toMs: startMs },
    filter: measure.filter,
    operationFilter: toFilter(Object.fromEntries(labels)),
    missing: listMissingTenant(measure, group),
    minCount: MIN_COUNT,
  });
}

function isAboutDuration({ type, aggregate }: Measure): boolean {
  return type === 'API_RESPONSE_TIME' && DURATION_AGGREGATES.has(aggregate);
}

/** Returns the part that limits the requests in the window, for an alert about the duration of requests. */
async function explainBottleneck(
  queryClient: QueryClient,
  { measure, group, firedMs }: Breach,
  scope: TenantScope,
): Promise<Bottleneck | undefined> {
  if (!isAboutDuration(measure)) return undefined;
  const missing = listMissingTenant(measure, group);
  const range = { fromMs: firedMs - measure.windowMs, toMs: firedMs };
  const found = await queryBottlenecks(queryClient, {
    ...{ scope, range, filter: measure.filter, groupBy: missing },
  });
  return found.find((each) => missing.every((name) => each.group[name] === undefined));
}

/** Compares the related metrics with their baselines. Metrics without enough data are omitted. */
async function queryChanges(
  { measure, group }: Breach,
  caches: Caches,
  scope: TenantScope,
): Promise<MetricChange[]> {
  const found = await Promise.all(
    listRelatedMetrics(measure)
      .filter(({ groupBy }) => scope.hosts || groupBy !== 'host')
      .map(async (related) => {
        const missing = listMissingTenant(measure, group).filter((name) =>
          related.filterBy.includes(name),
        );
        const relatedMeasure = toMeasure(related, group, measure.windowMs, missing);
        const hasNoTenant = ({ labels }: Observation) => !missing.some((name) => labels[name]);
        const [now, before] = await Promise.all([
          queryMeasure(relatedMeasure, caches.now),
          queryMeasure(toBaseline(relatedMeasure), caches.before),
        ]);
        return compareWithBaseline(
          related,
          now.filter(hasNoTenant),
          before.filter(hasNoTenant),
          relatedMeasure,
        );
      }),
  );
  return found.flat();
}

function compareWithBaseline(
  { metric, unit, harmful, groupBy }: RelatedMetric,
  now: readonly Observation[],
  before: readonly Observation[],
  measure: Measure,
): MetricChange[] {
  return before.flatMap((baseline) => {
    const name = groupBy && baseline.labels[groupBy];
    const current = now.find(({ labels }) => !groupBy || labels[groupBy] === name);
    // A rate that fell to zero has no rows.
    const value = current?.value ?? (measure.aggregate === 'rate' ? 0 : undefined);
    if (baseline.value === undefined || value === undefined) return [];
    const isEvident =
      measure.aggregate === 'rate'
        ? isRateChange(current?.count ?? 0, baseline.count / BASELINE_WINDOWS)
        : isGauge(measure) || hasCount(current);
    if (!isEvident || !hasBaseline(baseline, measure)) return [];
    const subject = groupBy && name ? { dimension: groupBy, name } : undefined;
    return [{ metric, unit, harmful, subject, before: baseline.value, now: value }];
  });
}

/** Returns whether a number of events differs from the expected number by more than chance. */
function isRateChange(count: number, expected: number): boolean {
  return Math.abs(count - expected) >= MAX_DEVIATIONS * Math.sqrt(Math.max(expected, 1));
}

function hasCount(observation: Observation | undefined): boolean {
  return observation !== undefined && observation.count >= MIN_COUNT;
}

/** Returns whether a baseline covers at least one window, and has enough measurements. */
function hasBaseline({ count, coveredMs }: Observation, measure: Measure): boolean {
  if (coveredMs !== undefined && coveredMs < measure.windowMs) return false;
  return isGauge(measure) || count >= MIN_BASELINE_COUNT;
}

function isGauge({ type, aggregate }: Measure): boolean {
  return PERCENT_TYPES.has(type) || aggregate === 'depth' || aggregate === 'oldest_age';
}

function toBaseline(measure: Measure): Measure {
  return { ...measure, windowMs: BASELINE_WINDOWS * measure.windowMs };
}

function toMeasure(
  related: RelatedMetric,
  group: Labels,
  windowMs: number,
  missing: readonly Dimension[],
): Measure {
  const { type, aggregate, groupBy, filterBy } = related;
  const labels = Object.entries(group).filter(([name]) => filterBy.includes(name));
  return {
    kind: 'measure',
    type,
    aggregate,
    windowMs,
    filter: toFilter(Object.fromEntries(labels)),
    groupBy: [...(groupBy ? [groupBy] : []), ...missing],
    slowerThanMs: undefined,
    baselineMs: undefined,
    minimumIncrease: 0,
  };
}

const PERCENT_TYPES = new Set<Measure['type']>(['CPU_USAGE', 'MEMORY_USAGE', 'DISK_USAGE']);
const DURATION_TYPE_PATTERN = /_TIME$|_AGE$|_DELAY$|_DURATION$/;

function getValueUnit({ aggregate, type }: Measure): ValueUnit {
  const { unit } = getAggregate(aggregate);
  if (unit !== 'type') return unit;
  if (PERCENT_TYPES.has(type)) return '%';
  return DURATION_TYPE_PATTERN.test(type ?? '') ? 'ms' : '1';
}

/** Lists the services on the host of the alert, with the CPU usage of their processes if it is known. */
async function queryServices(
  queryClient: QueryClient,
  { measure, group, firedMs }: Breach,
  scope: TenantScope,
): Promise<string[]> {
  const { host } = group;
  if (host === undefined || !scope.hosts || QUEUE_AGGREGATES.has(measure.aggregate)) return [];
  const results = await runQuery(
    queryClient,
    HOSTS_TABLE,
    {
      scope,
      range: getLastRange(measure.windowMs, firedMs),
      filter: { host: [host] },
      groupBy: ['service', 'instance'],
    },
    { aggregations: toHostAggregations('processCpuUsage') },
  );
  const usage = new Map<string, number>();
  for (const { group: process, row } of results) {
    const service = process.service ?? '(none)';
    const samples = toNumber(row.samples) ?? 0;
    const mean = samples > 0 ? (toNumber(row.total) ?? 0) / samples : 0;
    usage.set(service, (usage.get(service) ?? 0) + mean);
  }
  const sorted = [...usage].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const isCpu = measure.type === 'CPU_USAGE';
  return sorted.map(([service, percent]) =>
    isCpu && percent >= 1 ? `${service} (${Math.round(percent)} % CPU)` : service,
  );
}

/** Lists the dimensions of the tenant by which the rule is grouped, but which the alert doesn't have. */
function listMissingTenant({ groupBy }: Measure, group: Labels): readonly Dimension[] {
  return (['organization', 'property'] as const).filter(
    (name) => groupBy.includes(name) && group[name] === undefined,
  );
}

/** Returns the scope of the people who can read an alert with these labels. */
function toReaderScope({ organization, property }: Labels): TenantScope {
  if (organization === undefined) return UNRESTRICTED_SCOPE;
  return createOrganizationScope(organization, property === undefined ? undefined : [property]);
}

function toFilter(group: Labels): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(group).map(([name, text]) => [name, [text]]));
}
