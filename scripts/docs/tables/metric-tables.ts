import {
  RESOURCE_DESCRIPTIONS,
  type TableDescriptions,
  TENANT_DESCRIPTIONS,
} from './table-description.ts';

const UNIT_OF_METRIC = 'as in `unit`';
const TEST = { meaning: 'Whether the row is a test measurement. All metrics exclude these rows.' };

/** Returns the description of a sum over the requests of a row. */
function describeRequestSum(meaning: string) {
  return { unit: 'ms', meaning: `${meaning} Sum for all requests of the row.` };
}

/** Describes the tables of metrics. */
export const METRIC_TABLES: TableDescriptions<'performance_metrics' | 'metric_buckets'> = {
  performance_metrics: {
    row: [
      'A row is one point of a series: one interval of a histogram, a gauge, or a counter.',
      'A row can also be one `recordMetric` measurement, or a sample of one request.',
      'The agent and the OTLP endpoint write these rows.',
      'To count requests, use `sum(count)`, because a row can represent many requests.',
      'Samples of requests have the name `http.server.request.sample` and a count of 0, because other rows already count these requests.',
    ],
    columns: {
      timestamp: {
        meaning: 'End of the interval, time of the measurement, or end of the request.',
      },
      id: {
        meaning:
          'ID of the row. For intervals, it depends only on the series, the process, and the start of the interval. A row that is sent twice is stored once.',
      },
      metricType: { meaning: 'Type of the metric. See [metric types](#metric-types).' },
      name: {
        meaning:
          'Name of the metric, such as `http.server.request.duration`. Older OpenTelemetry names are replaced with the current names.',
      },
      unit: {
        meaning:
          'Unit of `value`, `sum`, `min`, and `max`, such as `ms`, `%`, or `By` (bytes). Seconds are stored as ms.',
      },
      endpoint: { meaning: 'Depends on the type. See [metric types](#metric-types).' },
      operation: { meaning: 'Depends on the type. See [metric types](#metric-types).' },
      errorType: {
        meaning:
          'Class of the failure, such as `refused`, `503`, or an SQLSTATE. Set only if all values of the row are failures of this class.',
      },
      queueScope: {
        meaning:
          'Redis server and prefix of a queue: `<prefix>@<host>:<port>/<db>`. Empty for other metrics and other queue systems.',
      },
      host: {
        meaning:
          'Name of the pod, the container, or the host. In rows that the agent writes, it is set only for host metrics.',
      },
      ...TENANT_DESCRIPTIONS,
      ...RESOURCE_DESCRIPTIONS,
      userId: {
        meaning: 'User. Set only in request samples and in `recordMetric` measurements.',
      },
      tags: {
        meaning:
          'All other attributes, as a JSON object. Request samples have `trace_id`, `http.response.status_code`, `error.type`, and `parts`.',
      },
      value: {
        unit: UNIT_OF_METRIC,
        meaning:
          'Mean of a histogram, value of a gauge, increase of a counter in the interval, or measured value.',
      },
      duration: {
        unit: 'ms',
        meaning: 'Mean of a duration histogram, or duration of a measurement.',
      },
      count: {
        meaning:
          'Number of values in a histogram, or 1 for a `recordMetric` measurement. Empty for gauges and counters. 0 for request samples, overwritten rows, and rows with only aborted requests.',
      },
      errorCount: { meaning: 'Number of values that are failures.' },
      abortedCount: {
        meaning:
          'Number of requests that the client aborted. No other column includes these requests.',
      },
      sum: {
        unit: UNIT_OF_METRIC,
        meaning: 'Sum of the values. The average of several rows is `sum(sum) / sum(count)`.',
      },
      min: { unit: UNIT_OF_METRIC, meaning: 'Smallest value. Empty for gauges and counters.' },
      max: { unit: UNIT_OF_METRIC, meaning: 'Largest value. Empty for gauges and counters.' },
      count2xx: { meaning: 'Number of responses with a 2xx status.' },
      count3xx: { meaning: 'Number of responses with a 3xx status.' },
      count4xx: { meaning: 'Number of responses with a 4xx status.' },
      count5xx: {
        meaning:
          'Number of responses with a 5xx status. In rows that the agent writes, this includes responses that failed after the headers were sent.',
      },
      firstByteSum: describeRequestSum('Time until the first byte of the response was sent.'),
      firstByteMax: {
        unit: 'ms',
        meaning: 'Longest time until the first byte of a response was sent.',
      },
      databaseTime: describeRequestSum('Time that requests waited for databases.'),
      databaseCalls: { meaning: 'Number of database statements that the requests ran.' },
      outgoingTime: describeRequestSum('Time that requests waited for other hosts.'),
      outgoingCalls: { meaning: 'Number of outgoing calls that the requests made.' },
      queueTime: describeRequestSum('Time that requests spent adding jobs to queues.'),
      queueCalls: { meaning: 'Number of queue operations that the requests performed.' },
      connectionWaitTime: describeRequestSum(
        'Time that requests waited for a connection from a pool, or for a new connection to open.',
      ),
      eventLoopWaitTime: describeRequestSum('Time that other code blocked the event loop.'),
      ownTime: describeRequestSum('All other time. The six time columns add up to the duration.'),
      test: TEST,
    },
  },
  metric_buckets: {
    row: [
      'A row is one nonempty bucket of one histogram point.',
      'The API computes percentiles from these rows.',
      'The agent and the OTLP endpoint write these rows together with the rows of `performance_metrics`.',
      'The upper bound of a bucket is 2^(1/8) times its lower bound, so a bucket is 9.05 % wide.',
      'For durations, the bounds are powers of 2^(1/8) in seconds.',
    ],
    columns: {
      timestamp: {
        meaning:
          'Time of the histogram point. For `recordMetric` measurements, the second in which they were recorded.',
      },
      metricType: { meaning: 'Type of the metric. See [metric types](#metric-types).' },
      name: { meaning: 'Name of the metric.' },
      endpoint: { meaning: 'Depends on the type. See [metric types](#metric-types).' },
      operation: { meaning: 'Depends on the type. See [metric types](#metric-types).' },
      queueScope: { meaning: 'Redis server and prefix of a queue.' },
      ...TENANT_DESCRIPTIONS,
      ...RESOURCE_DESCRIPTIONS,
      point: {
        meaning:
          'ID of the histogram point: 52 bits of a hash. All buckets of a point have the same number.',
      },
      bucketUpper: {
        unit: 'as in the metric',
        meaning:
          'Inclusive upper bound of the bucket. 0 for zeros. For negative values, the bound that is closer to 0.',
      },
      count: { meaning: 'Number of values in the bucket. 0 for overwritten rows.' },
      errorCount: { meaning: 'Number of values that are failures.' },
      test: TEST,
    },
  },
};
