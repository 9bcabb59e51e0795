import type { Labels } from '../../../core/alerts/alert.ts';
import { withQueryTimeout } from '../../../core/concurrency.ts';
import { getSeverityRank, type PerformanceMetricType } from '../../../core/schema/enums.ts';
import { type Dimension, type Group, toGroupKey } from '../../../storage/queries/query.ts';
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
/** In a storm the first ones explain the rest. */
const MAX_PENDING = 50;

/** Says why, after an alert has begun to fire or has become worse; the alert never waits for it. */
export class AlertExplainer {
  readonly #queryClient: QueryClient;
  readonly #onExplained: (id: string, cause: string) => void;
  #pending = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(store: QueryClient, explain: (id: string, cause: string) => void) {
    this.#queryClient = store;
    this.#onExplained = explain;
  }

  enqueue(transition: Transition, before: Transition | undefined, rule: AlertRule): void {
    const { state, severity, value, timestamp, id, labels } = transition;
    const began = state === 'firing' && before?.state !== 'firing';
    const rose =
      before !== undefined && getSeverityRank(severity) > getSeverityRank(before.severity);
    const { source } = rule;
    const explainable = state !== 'resolved' && value !== undefined && source.kind === 'measure';
    if (!explainable || state === 'pending' || !(began || rose)) return;
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

  /** Resolves when all that was considered is explained, or has failed. */
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

/** What the rows say about a group at the time of its breach. @throws PS_UNAVAILABLE */
async function analyzeBreach(
  store: QueryClient,
  measure: Measure,
  group: Labels,
  value: number,
  now: number,
): Promise<BreachAnalysis> {
  const own: Measure = { ...measure, filter: { ...measure.filter, ...toFilter(group) } };
  const rounds = {
    now: new RuleQueryCache(store, now, 60_000),
    before: new RuleQueryCache(store, now - measure.windowMs, 60_000),
  };
  const [headline, contributors, movements] = await Promise.all([
    queryHeadline(own, rounds.before, value),
    queryContributors(own, rounds.now),
    queryMetricChanges(own, group, rounds),
  ]);
  return { headline, contributors, changes: movements };
}

async function queryHeadline(
  measure: Measure,
  before: RuleQueryCache,
  value: number,
): Promise<MetricChange> {
  const { aggregate, type } = measure;
  const unit = getValueUnit(measure);
  // A spike is a factor already, of another time than the window before.
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

function toFilter(group: Labels): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(group).map(([name, text]) => [name, [text]]));
}

type WeightedGroup = { readonly group: Group; readonly weight: number };

const WORK_DIMENSIONS: readonly Dimension[] = ['endpoint', 'operation', 'organization', 'instance'];
const JOB_DIMENSIONS: readonly Dimension[] = ['queue', 'operation', 'organization', 'instance'];

/** Who makes how much of what is breached: of the time spent, of the errors, or of the jobs. */
async function queryContributors(measure: Measure, round: RuleQueryCache): Promise<Contributor[]> {
  const jobs = QUEUE_AGGREGATES.has(measure.aggregate);
  const dimensions = (jobs ? JOB_DIMENSIONS : WORK_DIMENSIONS).filter(
    (name) => !measure.filter[name],
  );
  const asked = { ...measure, groupBy: dimensions };
  const weighed: WeightedGroup[] = jobs
    ? (await round.jobTotals(asked)).map(({ group, failed, arrived }) => ({
        group,
        weight: measure.aggregate === 'failure_rate' ? failed : arrived,
      }))
    : (await round.metricSums(asked)).map(({ group, errorCount: errors, sum: total }) => ({
        group,
        weight: measure.aggregate === 'error_ratio' ? errors : total,
      }));
  const whole = weighed.reduce((sum, { weight }) => sum + weight, 0);
  if (whole <= 0) return [];
  return dimensions.flatMap((dimension) => {
    const weights = new Map<string, number>();
    for (const { group, weight } of weighed) {
      const name = getContributorName(measure, dimension, group);
      if (name !== undefined) weights.set(name, (weights.get(name) ?? 0) + weight);
    }
    // The only one there is explains nothing, unless it says what was done.
    if (weights.size < 2 && dimension !== 'endpoint' && dimension !== 'queue') return [];
    return [...weights].map(([name, weight]) => ({ dimension, name, share: weight / whole }));
  });
}

/** A request is known by method and route together. */
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
  /** What the figure is of; none: of the service as a whole. */
  readonly groupBy?: Dimension;
};

/** What is looked at beside the figure that is breached. */
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
/** Hosts and depths of queues belong to no tenant. */
const METRICS_WITHOUT_TENANT = new Set<RelatedMetric['metric']>([
  'oldest job',
  'waiting jobs',
  'CPU',
  'memory',
]);

/** Other figures of the same tenant, service and host, in the window and in the one before. */
async function queryMetricChanges(
  measure: Measure,
  group: Labels,
  rounds: { readonly now: RuleQueryCache; readonly before: RuleQueryCache },
): Promise<MetricChange[]> {
  const { windowMs, type, aggregate } = measure;
  const others = RELATED_METRICS.filter((l) => l.aggregate !== aggregate || l.type !== type);
  const found = await Promise.all(
    others.map(async ({ metric: figure, unit, display: shown, groupBy: by, ...what }) => {
      const kept = METRICS_WITHOUT_TENANT.has(figure)
        ? ['service', 'instance']
        : ['service', 'organization', 'property', 'instance'];
      const own = Object.entries(group).filter(([name]) => kept.includes(name));
      const filter = Object.fromEntries(own.map(([name, text]) => [name, [text]]));
      const asked: Measure = {
        kind: 'measure',
        windowMs,
        filter,
        ...what,
        groupBy: by ? [by] : [],
        slowerThanMs: undefined,
        baselineMs: undefined,
      };
      const [now, before] = await Promise.all([
        queryMeasure(asked, rounds.now),
        queryMeasure(asked, rounds.before),
      ]);
      const valueBefore = new Map(before.map(({ labels, value }) => [toGroupKey(labels), value]));
      return now.flatMap(({ labels, value }: Observation): MetricChange[] => {
        const before = valueBefore.get(toGroupKey(labels));
        // What has just begun to report has not moved; only a queue's jobs speak for themselves.
        if (value === undefined || (before === undefined && by !== 'queue')) return [];
        const name = by && labels[by];
        const subject = by && name ? { dimension: by, name } : undefined;
        return [{ metric: figure, unit, display: shown, subject, before, now: value }];
      });
    }),
  );
  return found.flat();
}

function defineRelatedMetric(
  type: RelatedMetric['type'],
  aggregate: Aggregate,
  figure: string,
  unit: MetricChange['unit'],
  shown: MetricChange['display'],
  by?: Dimension,
): RelatedMetric {
  return { type, aggregate, metric: figure, unit, display: shown, ...(by && { groupBy: by }) };
}
