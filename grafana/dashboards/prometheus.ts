import { createDashboard } from '../parts/create-dashboard.ts';
import { createPromQuery } from '../parts/data-sources.ts';
import { createStat, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds, createZeroThresholds } from '../parts/thresholds.ts';
import { createLabelVariable } from '../parts/variables.ts';

const REQUEST_METRIC = 'http_server_request_duration';
const STATEMENT_METRIC = 'db_client_operation_duration';
const JOB_METRIC = 'messaging_process_duration';
const NO_DATA_TEXT = 'Prometheus has no such series: see docs/grafana.md';

/** Series of a histogram. Perfscope's own exporter adds no unit to names, a Collector does. */
const toHistogramSelector = (name: string, part: 'bucket' | 'count' | 'sum', more = '') =>
  `rate({__name__=~"${name}(_seconds)?_${part}",job=~"$job",instance=~"$instance"${more}}[$__rate_interval])`;
const toSelector = (name: string) => `{__name__=~"${name}",job=~"$job",instance=~"$instance"}`;
const FAILED_LABEL = ',error_type!=""';

const toCount = (name: string, more = '') => `sum(${toHistogramSelector(name, 'count', more)})`;
/** In ms, as everywhere else. */
const toMean = (name: string, by = '') =>
  `1000 * sum${by}(${toHistogramSelector(name, 'sum')}) / sum${by}(${toHistogramSelector(name, 'count')})`;
const toQuantile = (name: string, q: number) =>
  `1000 * histogram_quantile(${q}, sum by (le) (${toHistogramSelector(name, 'bucket')}))`;
/** In percent. Without a failure there is no series, which is none of 0. */
const toFailedShare = (name: string) =>
  `100 * (${toCount(name, FAILED_LABEL)} or vector(0)) / ${toCount(name)}`;
const toQuantiles = (name: string) =>
  [0.5, 0.95, 0.99].map((q, i) => createPromQuery(toQuantile(name, q), `p${100 * q}`, 'ABC'[i]));

export const prometheus = createDashboard({
  name: 'prometheus',
  title: 'Perfscope / Prometheus only',
  description:
    'For those who scrape /metrics and have no QuestDB: the same figures from Prometheus alone.',
  variables: [createLabelVariable('job', 'Job'), createLabelVariable('instance', 'Instance')],
  last: '1h',
  refresh: '30s',
  marks: [],
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Requests',
          unit: 'reqps',
          width: 5,
          decimals: 1,
          emptyText: NO_DATA_TEXT,
          description: 'Requests per second.',
          promql: [createPromQuery(toCount(REQUEST_METRIC), 'requests')],
        }),
        createStat({
          title: 'Average response',
          unit: 'ms',
          width: 5,
          emptyText: NO_DATA_TEXT,
          description: 'Mean duration. Coloured by the rule response-time.',
          promql: [createPromQuery(toMean(REQUEST_METRIC), 'average')],
          thresholds: createRuleThresholds('response-time'),
        }),
        createStat({
          title: 'Failed requests',
          unit: 'percent',
          width: 5,
          decimals: 2,
          emptyText: NO_DATA_TEXT,
          description: 'Share of the requests that failed. Coloured by the rule error-rate.',
          promql: [createPromQuery(toFailedShare(REQUEST_METRIC), 'failed')],
          thresholds: createRuleThresholds('error-rate'),
        }),
        createStat({
          title: 'Average statement',
          unit: 'ms',
          width: 5,
          emptyText: NO_DATA_TEXT,
          description: 'Mean duration of database statements. Coloured by the rule database-time.',
          promql: [createPromQuery(toMean(STATEMENT_METRIC), 'average')],
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: 'Alerts',
          unit: 'short',
          width: 4,
          emptyText: 'No alert fires',
          description: 'Alerts that Perfscope says are firing.',
          promql: [createPromQuery('count(ALERTS{alertstate="firing",job=~"$job"})', 'firing')],
          thresholds: createZeroThresholds(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Requests per second',
          unit: 'reqps',
          width: 12,
          emptyText: NO_DATA_TEXT,
          description: 'All requests, and those of them that failed.',
          promql: [
            createPromQuery(toCount(REQUEST_METRIC), 'all', 'A'),
            createPromQuery(`${toCount(REQUEST_METRIC, FAILED_LABEL)} or vector(0)`, 'failed', 'B'),
          ],
        }),
        createTimeSeries({
          title: 'Response time',
          unit: 'ms',
          width: 12,
          emptyText: NO_DATA_TEXT,
          description: 'Percentiles, as exact as the bounds of Prometheus’ buckets.',
          promql: toQuantiles(REQUEST_METRIC),
          thresholds: createRuleThresholds('response-time'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Requests per second by endpoint',
          unit: 'reqps',
          width: 12,
          stacked: true,
          emptyText: NO_DATA_TEXT,
          description: 'The ten busiest endpoints.',
          promql: [
            createPromQuery(
              `topk(10, sum by (http_route) (${toHistogramSelector(REQUEST_METRIC, 'count')}))`,
              '{{http_route}}',
            ),
          ],
        }),
        createTimeSeries({
          title: 'Average response by endpoint',
          unit: 'ms',
          width: 12,
          emptyText: NO_DATA_TEXT,
          description: 'The ten slowest endpoints.',
          promql: [
            createPromQuery(
              `topk(10, ${toMean(REQUEST_METRIC, ' by (http_route) ')})`,
              '{{http_route}}',
            ),
          ],
          thresholds: createRuleThresholds('response-time'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Statement time',
          unit: 'ms',
          width: 8,
          emptyText: NO_DATA_TEXT,
          description: 'Percentiles of database statements.',
          promql: toQuantiles(STATEMENT_METRIC),
          thresholds: createRuleThresholds('database-time'),
        }),
        createTimeSeries({
          title: 'Processing of jobs',
          unit: 'ms',
          width: 8,
          emptyText: NO_DATA_TEXT,
          description: 'Mean time that an attempt ran, by queue.',
          promql: [
            createPromQuery(
              toMean(JOB_METRIC, ' by (messaging_destination_name) '),
              '{{messaging_destination_name}}',
            ),
          ],
          thresholds: createRuleThresholds('target-queue-processing'),
        }),
        createTimeSeries({
          title: 'Waiting jobs',
          unit: 'short',
          width: 8,
          emptyText: NO_DATA_TEXT,
          description: 'Jobs of each queue that could run.',
          promql: [
            createPromQuery(
              'sum by (messaging_destination_name) (max by (messaging_destination_name, perfscope_job_state) (perfscope_queue_depth{perfscope_job_state=~"waiting|prioritized|paused",job=~"$job",instance=~"$instance"}))',
              '{{messaging_destination_name}}',
            ),
          ],
          thresholds: createRuleThresholds('queue-depth'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'CPU of hosts',
          unit: 'percent',
          width: 8,
          max: 100,
          emptyText: NO_DATA_TEXT,
          description: 'Share of the host’s CPU that was used.',
          promql: [
            createPromQuery(
              `100 * ${toSelector('system_cpu_utilization(_ratio)?')}`,
              '{{instance}}',
            ),
          ],
          thresholds: createRuleThresholds('cpu'),
        }),
        createTimeSeries({
          title: 'Event loop delay',
          unit: 'ms',
          width: 8,
          emptyText: NO_DATA_TEXT,
          description: '99th percentile: how long what is ready has to wait.',
          promql: [
            createPromQuery(
              `1000 * ${toSelector('nodejs_eventloop_delay_p99(_seconds)?')}`,
              '{{instance}}',
            ),
          ],
        }),
        createTimeSeries({
          title: 'Heap',
          unit: 'bytes',
          width: 8,
          emptyText: NO_DATA_TEXT,
          description: 'Heap of each process that is in use.',
          promql: [createPromQuery(toSelector('v8js_memory_heap_used(_bytes)?'), '{{instance}}')],
        }),
      ],
    },
  ],
});
