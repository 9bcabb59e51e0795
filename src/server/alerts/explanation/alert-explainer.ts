import type { Labels } from '../../../core/alerts/alert.ts';
import { withQueryTimeout } from '../../../core/concurrency.ts';
import { getSeverityRank, type PerformanceMetricType } from '../../../core/schema/enums.ts';
import {
  createOrganizationScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../../core/tenant-scope.ts';
import {
  type Dimension,
  type Group,
  toGroupKey,
} from '../../../storage/queries/query-definition.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import type { Observation } from '../evaluation/observation.ts';
import { queryMeasure } from '../rule-queries/measure-query.ts';
import { RuleQueryCache } from '../rule-queries/rule-query-cache.ts';
import type { AlertRule, Measure } from '../rules/alert-rule.ts';
import { type Aggregate, getAggregate, QUEUE_AGGREGATES } from '../rules/rule-aggregates.ts';
import {
  type BreachAnalysis,
  type Contributor,
  formatCause,
  type MetricChange,
  type ValueUnit,
} from './format-cause.ts';

const EXPLANATION_TIMEOUT_MS = 10_000;
/**
 * Limit on queued explanations. During an alert storm, later explanations would mostly repeat the
 * first explanations.
 */
const MAX_PENDING = 50;

/**
 * Explains alerts after they start firing or get a higher severity. Alerts are sent without waiting
 * for the explanation.
 */
export class AlertExplainer {
  readonly #queryClient: QueryClient;
  readonly #onExplained: (id: string, cause: string) => void;
  #pending = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(queryClient: QueryClient, onExplained: (id: string, cause: string) => void) {
    this.#queryClient = queryClient;
    this.#onExplained = onExplained;
  }

  enqueue(transition: Transition, before: Transition | undefined, rule: AlertRule): void {
    const { state, severity, value, timestamp, id, labels } = transition;
    const startedFiring = state === 'firing' && before?.state !== 'firing';
    const hasHigherSeverity =
      before !== undefined && getSeverityRank(severity) > getSeverityRank(before.severity);
    const { source } = rule;
    const isExplainable = state !== 'resolved' && value !== undefined && source.kind === 'measure';
    if (!isExplainable || state === 'pending' || !(startedFiring || hasHigherSeverity)) return;
    if (this.#pending >= MAX_PENDING) return;
    this.#pending += 1;
    const group = JSON.parse(labels) as Labels;
    this.#last = this.#last
      .then(async () => {
        const breach = analyzeBreach(this.#queryClient, source, group, value, timestamp);
        this.#onExplained(id, formatCause(await withQueryTimeout(EXPLANATION_TIMEOUT_MS, breach)));
      })
      .catch(() => {})
      .finally(() => {
        this.#pending -= 1;
      });
  }

  /** Resolves when all queued explanations are done or have failed. */
  async whenIdle(): Promise<void> {
    while (this.#pending > 0) await this.#last;
  }
}

const AGGREGATE_NAMES: Readonly<Partial<Record<Aggregate, string>>> = {
  mean: 'average',
  count: 'count',
  rate: 'rate',
  error_ratio: 'error rate',
  slow_share: 'slow share',
  spike: 'average',
  depth: 'waiting jobs',
  oldest_age: 'oldest job',
  failure_rate: 'failure rate',
  time_to_drain: 'time to drain',
};
const PERCENT_TYPES = new Set<Measure['type']>(['CPU_USAGE', 'MEMORY_USAGE', 'DISK_USAGE']);
const DURATION_TYPE_PATTERN = /_TIME$|_AGE$|_DELAY$|_DURATION$/;

/**
 * Reads the data that explains a breach: the rule's value, its contributors, and other changed
 * metrics. The people of a tenant can read the explanation of the tenant's alert. Therefore, that
 * explanation contains only the tenant's own rows, and no hosts.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
async function analyzeBreach(
  queryClient: QueryClient,
  measure: Measure,
  group: Labels,
  value: number,
  now: number,
): Promise<BreachAnalysis> {
  const groupMeasure: Measure = { ...measure, filter: { ...measure.filter, ...toFilter(group) } };
  const scope = toReaderScope(group);
  const caches = {
    now: new RuleQueryCache(queryClient, now, 60_000, [], scope),
    before: new RuleQueryCache(queryClient, now - measure.windowMs, 60_000, [], scope),
  };
  const [headline, contributors, changes] = await Promise.all([
    queryHeadline(groupMeasure, caches.before, value),
    queryContributors(groupMeasure, caches.now, scope),
    queryMetricChanges(groupMeasure, group, caches, scope),
  ]);
  return { headline, contributors, changes };
}

/** Compares the rule's value with its value in the previous window. */
async function queryHeadline(
  measure: Measure,
  before: RuleQueryCache,
  value: number,
): Promise<MetricChange> {
  const { aggregate, type } = measure;
  const unit = getValueUnit(measure);
  // The value of a spike is already a factor relative to the baseline, so the previous window is
  // not needed.
  const isSpike = aggregate === 'spike';
  const found = isSpike ? [] : await queryMeasure(measure, before);
  return {
    metric: AGGREGATE_NAMES[aggregate] ?? (type === 'CPU_USAGE' ? 'CPU' : aggregate),
    subject: undefined,
    before: isSpike ? 1 : found[0]?.value,
    now: value,
    unit,
    display: unit === 'ms' && aggregate !== 'oldest_age' ? 'factor' : isSpike ? 'factor' : 'level',
  };
}

function getValueUnit({ aggregate, type }: Measure): ValueUnit {
  const { unit } = getAggregate(aggregate);
  if (unit !== 'type') return unit;
  if (PERCENT_TYPES.has(type)) return '%';
  return DURATION_TYPE_PATTERN.test(type ?? '') ? 'ms' : '1';
}

/** Returns the scope of the people who can read an alert with these labels. */
function toReaderScope({ organization, property }: Labels): TenantScope {
  if (organization === undefined) return UNRESTRICTED_SCOPE;
  return createOrganizationScope(organization, property === undefined ? undefined : [property]);
}

function toFilter(group: Labels): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(group).map(([name, text]) => [name, [text]]));
}

type WeightedGroup = { readonly group: Group; readonly weight: number };

const WORK_DIMENSIONS: readonly Dimension[] = ['endpoint', 'operation', 'organization', 'instance'];
const JOB_DIMENSIONS: readonly Dimension[] = ['queue', 'operation', 'organization', 'instance'];

/** Returns the share of each contributor in the total time, the errors, or the jobs. */
async function queryContributors(
  measure: Measure,
  cache: RuleQueryCache,
  { hosts }: TenantScope,
): Promise<Contributor[]> {
  const isQueue = QUEUE_AGGREGATES.has(measure.aggregate);
  const dimensions = (isQueue ? JOB_DIMENSIONS : WORK_DIMENSIONS).filter(
    (name) => !measure.filter[name] && (hosts || name !== 'instance'),
  );
  const query = { ...measure, groupBy: dimensions };
  const groups: WeightedGroup[] = isQueue
    ? (await cache.jobTotals(query)).map(({ group, failed, arrived }) => ({
        group,
        weight: measure.aggregate === 'failure_rate' ? failed : arrived,
      }))
    : (await cache.metricSums(query)).map(({ group, errorCount, sum }) => ({
        group,
        weight: measure.aggregate === 'error_ratio' ? errorCount : sum,
      }));
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  if (total <= 0) return [];
  return dimensions.flatMap((dimension) => {
    const weights = new Map<string, number>();
    for (const { group, weight } of groups) {
      const name = getContributorName(measure, dimension, group);
      if (name !== undefined) weights.set(name, (weights.get(name) ?? 0) + weight);
    }
    // A single contributor is useful only if it names the endpoint or queue.
    if (weights.size < 2 && dimension !== 'endpoint' && dimension !== 'queue') return [];
    return [...weights].map(([name, weight]) => ({ dimension, name, share: weight / total }));
  });
}

/** Returns the name of a contributor. For requests, it consists of method and route. */
function getContributorName(
  { type }: Measure,
  dimension: Dimension,
  group: Group,
): string | undefined {
  const name = group[dimension];
  if (type !== 'API_RESPONSE_TIME') return name;
  if (dimension === 'operation' && group.endpoint !== undefined) return undefined;
  const { operation } = group;
  return dimension === 'endpoint' && name && operation ? `${operation} ${name}` : name;
}

type RelatedMetric = Pick<MetricChange, 'metric' | 'unit' | 'display'> & {
  readonly type: PerformanceMetricType | undefined;
  readonly aggregate: Aggregate;
  /** Dimension to group by. If omitted, the value is for the whole service. */
  readonly groupBy?: Dimension;
};

/** Metrics that an explanation compares in addition to the rule's own value. */
const RELATED_METRICS: readonly RelatedMetric[] = [
  defineRelatedMetric('API_RESPONSE_TIME', 'mean', 'response time', 'ms', 'factor'),
  defineRelatedMetric('API_RESPONSE_TIME', 'rate', 'requests', '1/min', 'factor'),
  defineRelatedMetric('API_RESPONSE_TIME', 'error_ratio', 'error rate', '%', 'level'),
  defineRelatedMetric('DATABASE_QUERY_TIME', 'mean', 'database time', 'ms', 'factor'),
  defineRelatedMetric('DATABASE_QUERY_TIME', 'rate', 'statements', '1/min', 'factor'),
  defineRelatedMetric(undefined, 'oldest_age', 'oldest job', 'ms', 'level', 'queue'),
  defineRelatedMetric(undefined, 'depth', 'waiting jobs', '1', 'level', 'queue'),
  defineRelatedMetric('CPU_USAGE', 'mean', 'CPU', '%', 'level', 'instance'),
  defineRelatedMetric('MEMORY_USAGE', 'mean', 'memory', '%', 'level', 'instance'),
];
/** Host metrics and queue depths usually have no tenant. The scope excludes other tenants' rows. */
const METRICS_WITHOUT_TENANT = new Set<RelatedMetric['metric']>([
  'oldest job',
  'waiting jobs',
  'CPU',
  'memory',
]);

/**
 * Reads other metrics of the same tenant, service, and host, now and one window earlier. Host
 * metrics are omitted for a tenant's alert.
 */
async function queryMetricChanges(
  measure: Measure,
  group: Labels,
  caches: { readonly now: RuleQueryCache; readonly before: RuleQueryCache },
  scope: TenantScope,
): Promise<MetricChange[]> {
  const { windowMs, type, aggregate } = measure;
  const others = RELATED_METRICS.filter(
    (m) =>
      (m.aggregate !== aggregate || m.type !== type) && (scope.hosts || m.groupBy !== 'instance'),
  );
  const found = await Promise.all(
    others.map(async ({ metric, unit, display, groupBy, ...related }) => {
      const filterNames = METRICS_WITHOUT_TENANT.has(metric)
        ? ['service', 'instance']
        : ['service', 'organization', 'property', 'instance'];
      const labels = Object.entries(group).filter(([name]) => filterNames.includes(name));
      const relatedMeasure: Measure = {
        kind: 'measure',
        windowMs,
        filter: toFilter(Object.fromEntries(labels)),
        ...related,
        groupBy: groupBy ? [groupBy] : [],
        slowerThanMs: undefined,
        baselineMs: undefined,
        minimumIncrease: 0,
      };
      const [now, before] = await Promise.all([
        queryMeasure(relatedMeasure, caches.now),
        queryMeasure(relatedMeasure, caches.before),
      ]);
      const valueBefore = new Map(before.map(({ labels, value }) => [toGroupKey(labels), value]));
      return now.flatMap(({ labels, value }: Observation): MetricChange[] => {
        const before = valueBefore.get(toGroupKey(labels));
        // Omit metrics without an earlier value. Queue metrics are useful even without a
        // comparison.
        if (value === undefined || (before === undefined && groupBy !== 'queue')) return [];
        const name = groupBy && labels[groupBy];
        const subject = groupBy && name ? { dimension: groupBy, name } : undefined;
        return [{ metric, unit, display, subject, before, now: value }];
      });
    }),
  );
  return found.flat();
}

function defineRelatedMetric(
  type: RelatedMetric['type'],
  aggregate: Aggregate,
  metric: string,
  unit: MetricChange['unit'],
  display: MetricChange['display'],
  groupBy?: Dimension,
): RelatedMetric {
  return { type, aggregate, metric, unit, display, ...(groupBy && { groupBy }) };
}
