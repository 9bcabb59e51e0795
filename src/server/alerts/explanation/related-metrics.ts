import type { PerformanceMetricType } from '../../../core/schema/enums.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import type { Measure } from '../rules/alert-rule.ts';
import { type Aggregate, QUEUE_AGGREGATES } from '../rules/rule-aggregates.ts';
import type { MetricChange } from './format-cause.ts';

/** A metric that can be the cause of an alert. */
export type RelatedMetric = Pick<MetricChange, 'metric' | 'unit' | 'harmful'> & {
  readonly type: PerformanceMetricType | undefined;
  readonly aggregate: Aggregate;
  /** Dimension to group by. If omitted, the value is for the whole service. */
  readonly groupBy?: Dimension;
  /** Labels of the alert that select the rows. The metric must be about the same tenant and service. */
  readonly filterBy: readonly string[];
};

const OF_SERVICE = ['service', 'organization', 'property'];
const OF_QUEUE = ['queue', 'queueScope', 'organization', 'property'];

const REQUESTS: RelatedMetric = {
  type: 'API_RESPONSE_TIME',
  aggregate: 'rate',
  metric: 'requests',
  unit: '1/min',
  harmful: 'up',
  filterBy: OF_SERVICE,
};
const DATABASE_TIME: RelatedMetric = {
  type: 'DATABASE_QUERY_TIME',
  aggregate: 'mean',
  metric: 'database time',
  unit: 'ms',
  harmful: 'up',
  filterBy: OF_SERVICE,
};
const STATEMENTS: RelatedMetric = {
  type: 'DATABASE_QUERY_TIME',
  aggregate: 'rate',
  metric: 'statements',
  unit: '1/min',
  harmful: 'up',
  filterBy: OF_SERVICE,
};
/** The endpoint of an outgoing call is its host. */
const FAILED_CALLS: RelatedMetric = {
  type: 'OUTGOING_REQUEST_TIME',
  aggregate: 'error_ratio',
  metric: 'failed calls to',
  unit: '%',
  harmful: 'up',
  groupBy: 'endpoint',
  filterBy: OF_SERVICE,
};
const CALL_TIME: RelatedMetric = {
  type: 'OUTGOING_REQUEST_TIME',
  aggregate: 'mean',
  metric: 'time of calls to',
  unit: 'ms',
  harmful: 'up',
  groupBy: 'endpoint',
  filterBy: OF_SERVICE,
};
const CALLS: RelatedMetric = {
  type: 'OUTGOING_REQUEST_TIME',
  aggregate: 'rate',
  metric: 'calls',
  unit: '1/min',
  harmful: 'up',
  filterBy: [...OF_SERVICE, 'endpoint'],
};
const CPU: RelatedMetric = {
  type: 'CPU_USAGE',
  aggregate: 'mean',
  metric: 'CPU',
  unit: '%',
  harmful: 'up',
  groupBy: 'host',
  filterBy: ['service', 'host'],
};
const JOB_TIME: RelatedMetric = {
  type: 'QUEUE_PROCESSING_TIME',
  aggregate: 'mean',
  metric: 'job time',
  unit: 'ms',
  harmful: 'up',
  filterBy: OF_QUEUE,
};
const FINISHED_JOBS: RelatedMetric = {
  type: 'QUEUE_PROCESSING_TIME',
  aggregate: 'rate',
  metric: 'finished jobs',
  unit: '1/min',
  harmful: 'down',
  filterBy: OF_QUEUE,
};

/**
 * Lists the metrics that can explain a breach of a measure. Queues don't explain requests, and a queue's alert
 * is explained only by the same queue.
 */
export function listRelatedMetrics({ aggregate, type }: Measure): readonly RelatedMetric[] {
  if (QUEUE_AGGREGATES.has(aggregate)) return [JOB_TIME, FINISHED_JOBS];
  switch (type) {
    case 'API_RESPONSE_TIME':
      return [REQUESTS, DATABASE_TIME, FAILED_CALLS, CALL_TIME, CPU];
    case 'OUTGOING_REQUEST_TIME':
      return [CALLS, CPU];
    case 'DATABASE_QUERY_TIME':
      return [STATEMENTS, CPU];
    case 'EVENT_LOOP_DELAY':
      return [REQUESTS, CPU];
    default:
      return [];
  }
}
