import {
  RESOURCE_DESCRIPTIONS,
  type TableDescriptions,
  TENANT_DESCRIPTIONS,
} from './table-description.ts';

const UNIT_OF_METRIC = 'of `unit`';
const TEST = { meaning: 'Whether the row is a test measurement. All metrics exclude these rows.' };

/** Returns the description of a sum over the requests of a row. */
function describeRequestSum(meaning: string) {
  return { unit: 'ms', meaning: `${meaning} Sum over the requests of the row.` };
}

/** Describes the tables of metrics. */
export const METRIC_TABLES: TableDescriptions<'performance_metrics' | 'metric_buckets'> = {
  performance_metrics: {
    row: [
      'A row is one point of a series: one interval of a histogram, a gauge, or a counter.',
      'It can also be one measurement of `recordMetric`, or a sample of one request.',
      'The agent and the OTLP endpoint write these rows.',
      'To count requests, use `sum(count)`, because a row can stand for many requests.',
      'Samples of requests have the name `http.server.request.sample` and a count of 0, because other rows already count these requests.',
    ],
    columns: {
      timestamp: {
        meaning: 'End of the interval, time of the measurement, or end of the request.',
      },
      id: {
        meaning:
          'ID of the row. For intervals, it depends only on the series, the process, and the start. A row that is sent again replaces itself.',
      },
      metricType: { meaning: 'Type of the metric. See [metric types](#metric-types).' },
      name: {
        meaning:
          'Name of the metric, such as `http.server.request.duration`. Older names of OpenTelemetry are replaced by the current names.',
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
          'Name of the pod, the container, or the host. Rows of the agent contain it only if they are about the host.',
      },
      ...TENANT_DESCRIPTIONS,
      ...RESOURCE_DESCRIPTIONS,
      userId: {
        meaning: 'User. Set only in samples of requests and in measurements of `recordMetric`.',
      },
      tags: {
        meaning:
          'All other attributes, as a JSON object. Samples of requests have `trace_id`, `http.response.status_code`, `error.type`, and `parts`.',
      },
      value: {
        unit: UNIT_OF_METRIC,
        meaning:
          'Mean of a histogram, value of a gauge, increase of a counter in the interval, or measured value.',
      },
      duration: {
        unit: 'ms',
        meaning: 'Mean of a histogram of durations, or duration of a measurement.',
      },
      count: {
        meaning:
          'Number of values: of a histogram, or 1 for a measurement of `recordMetric`. Empty for gauges and counters. 0 for samples of requests, overwritten rows, and rows with only aborted requests.',
      },
      errorCount: { meaning: 'Number of the values that are failures.' },
      abortedCount: {
        meaning:
          'Number of requests that the client aborted. They are not part of any other column.',
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
          'Number of responses with a 5xx status. In rows of the agent, also responses that failed after the headers.',
      },
      firstByteSum: describeRequestSum('Time until the first byte of the response.'),
      firstByteMax: {
        unit: 'ms',
        meaning: 'Longest time until the first byte of a response.',
      },
      databaseTime: describeRequestSum('Time in which requests waited for databases.'),
      databaseCalls: { meaning: 'Number of database statements of the requests.' },
      outgoingTime: describeRequestSum('Time in which requests waited for other hosts.'),
      outgoingCalls: { meaning: 'Number of outgoing calls of the requests.' },
      queueTime: describeRequestSum('Time in which requests added jobs to queues.'),
      queueCalls: { meaning: 'Number of queue operations of the requests.' },
      connectionWaitTime: describeRequestSum(
        'Time until pools provided a connection, or a new connection was open.',
      ),
      eventLoopWaitTime: describeRequestSum('Time in which other code blocked the event loop.'),
      ownTime: describeRequestSum(
        'All other time. Together, the six parts of the time add up to the duration.',
      ),
      test: TEST,
    },
  },
  metric_buckets: {
    row: [
      'A row is one bucket of one histogram point that contains values.',
      'The API computes percentiles from these rows.',
      'The agent and the OTLP endpoint write them together with the rows of `performance_metrics`.',
      'The upper bound of a bucket is 2^(1/8) times its lower bound, so a bucket is 9.05 % wide.',
      'For durations, the bounds are powers of 2^(1/8) in seconds.',
    ],
    columns: {
      timestamp: {
        meaning:
          'Time of the histogram point. For measurements of `recordMetric`, the second in which they were made.',
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
        unit: 'of the metric',
        meaning:
          'Inclusive upper bound of the bucket. 0 for zeros. The bound of negative values is the bound that is closer to 0.',
      },
      count: { meaning: 'Number of values in the bucket. 0 for overwritten rows.' },
      errorCount: { meaning: 'Number of the values that are failures.' },
      test: TEST,
    },
  },
};
