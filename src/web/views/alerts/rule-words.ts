import type { ApiResponse } from '../../../client/api-types.ts';
import { DIMENSION_LABELS } from '../../data/names.ts';
import { formatText } from '../../format/quantities.ts';
import { formatCoarse } from '../../format/times.ts';

type Rule = ApiResponse<'rules'>['rules'][number];

/** What the metric types measure. */
export const METRIC_NAMES: Readonly<Record<string, string>> = {
  API_RESPONSE_TIME: 'response time of requests',
  API_STREAM_DURATION: 'duration of streams',
  OUTGOING_REQUEST_TIME: 'time of outgoing calls',
  DATABASE_QUERY_TIME: 'time of database statements',
  DATABASE_CONNECTIONS: 'database connections',
  QUEUE_WAIT_TIME: 'waiting time of jobs',
  QUEUE_PROCESSING_TIME: 'processing time of jobs',
  QUEUE_DEPTH: 'waiting jobs',
  QUEUE_OLDEST_AGE: 'age of the oldest job',
  CPU_USAGE: 'CPU usage',
  MEMORY_USAGE: 'memory usage',
  DISK_USAGE: 'disk usage',
  NETWORK_IO: 'network traffic',
  EVENT_LOOP_DELAY: 'event loop delay',
  GC_DURATION: 'garbage collection time',
  HEAP_USAGE: 'heap usage',
  ACTIVE_USERS: 'active users',
  ONGOING_RESERVATIONS: 'ongoing reservations',
  BREAKER_STATE: 'circuit breaker state',
  CUSTOM: 'custom metrics',
};

/** What is counted, for aggregates that count. */
const METRIC_ITEMS: Readonly<Record<string, string>> = {
  API_RESPONSE_TIME: 'requests',
  API_STREAM_DURATION: 'streams',
  OUTGOING_REQUEST_TIME: 'outgoing calls',
  DATABASE_QUERY_TIME: 'database statements',
  QUEUE_WAIT_TIME: 'jobs',
  QUEUE_PROCESSING_TIME: 'jobs',
};

const INTERNAL_NAMES: Readonly<Record<string, string>> = {
  spool_bytes: 'bytes of rows that wait to be written',
  spool_lag: 'age of the oldest row that waits to be written',
  dead_letters: 'rows that QuestDB rejected',
  rows_dropped: 'rows dropped in the last 5 minutes',
  questdb_suspended_tables: 'suspended tables of QuestDB',
  questdb_invalid_rollups: 'roll-ups that QuestDB no longer updates',
  questdb_lag: 'time until new rows are readable',
  database_unavailable: 'whether QuestDB is unreachable',
  rule_failures: 'failed evaluations of a rule in a row',
  late_evaluations: 'late rule evaluations in the last 5 minutes',
};

/** For example `Mean response time of requests over 5 min, by service and endpoint`. */
export function describeRule({ query }: Rule): string {
  const { kind, groupBy = [], filters = {}, window, metric } = query;
  if (kind === 'internal') return capitalize(INTERNAL_NAMES[metric ?? ''] ?? metric ?? 'Perfscope');
  if (kind === 'burnRate')
    return `Burn rate of all error budgets over ${formatCoarse(window ?? 0)}, by objective`;
  if (kind === 'deploy') {
    return metric === 'errors'
      ? 'More failures after a deploy, in percentage points'
      : 'Longer durations after a deploy, in percent';
  }
  const what = kind === 'sql' ? 'result of a SQL statement' : describeAggregate(query);
  const filter = Object.entries(filters).map(
    ([name, values]) => `${label(name)} ${values.join(' or ')}`,
  );
  const parts = [
    capitalize(what),
    filter.length > 0 && `of ${filter.join(', ')}`,
    window !== undefined && `over ${formatCoarse(window)}`,
  ].filter(Boolean);
  const groups = groupBy.map(label);
  return parts.join(' ') + (groups.length > 0 ? `, by ${formatList(groups)}` : '');
}

function describeAggregate({ aggregate = '', metricType = '', ...query }: Rule['query']): string {
  const metric = METRIC_NAMES[metricType] ?? metricType;
  const items = METRIC_ITEMS[metricType] ?? 'measurements';
  const slower = query.slowerThan === undefined ? '' : formatText(query.slowerThan, 'ms');
  switch (aggregate) {
    case 'average':
      return `mean ${metric}`;
    case 'min':
      return `lowest ${metric}`;
    case 'max':
      return `highest ${metric}`;
    case 'last':
      return `newest ${metric}`;
    case 'p50':
      return `median ${metric}`;
    case 'count':
      return `number of ${items}`;
    case 'rate':
      return `${items} per minute`;
    case 'errorRate':
      return `share of failed ${items}`;
    case 'slowShare':
      return `share of ${items} slower than ${slower}`;
    case 'apdex':
      return `Apdex of ${items} with a target of ${slower}`;
    case 'spike':
      return `mean ${metric} compared to ${query.baseline ? `the last ${formatCoarse(query.baseline)}` : 'before'}`;
    case 'surge':
      return `${items} per minute compared to the time before`;
    case 'crashes':
      return 'number of crashed processes';
    case 'uptime':
      return 'uptime';
    case 'depth':
      return 'number of waiting jobs';
    case 'oldestAge':
      return 'waiting time of the oldest job';
    case 'failureRate':
      return 'share of failed jobs';
    case 'timeToDrain':
      return 'time until the queue is empty';
    default:
      return `${aggregate} ${metric}`;
  }
}

/** For example `warning > 2 s, critical > 5 s`. */
export function describeThresholds({ thresholds, direction, unit = '1' }: Rule): string {
  const sign = direction === 'above' ? '>' : '<';
  return thresholds
    .map(({ severity, threshold }) => `${severity} ${sign} ${formatText(threshold, unit)}`)
    .join(', ');
}

function label(dimension: string): string {
  return (DIMENSION_LABELS[dimension] ?? dimension).toLowerCase();
}

function formatList(items: readonly string[]): string {
  return new Intl.ListFormat('en').format(items);
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Whether the rule is a built-in target. Targets are objectives, so the view of objectives shows them. */
export function isBuiltInTarget({ target, labels }: Rule): boolean {
  return target && labels.scope === 'target';
}
