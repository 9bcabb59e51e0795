import { createDashboard } from '../parts/create-dashboard.ts';
import { createPromQuery } from '../parts/data-sources.ts';
import { createStat, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds, createZeroThresholds } from '../parts/thresholds.ts';
import { toAboveMapping } from '../parts/value-mappings.ts';
import { createLabelVariable } from '../parts/variables.ts';

const REQUEST_METRIC = 'http_server_request_duration';
const STATEMENT_METRIC = 'db_client_operation_duration';
const JOB_METRIC = 'messaging_process_duration';
const NO_DATA_TEXT = 'No matching series';

/**
 * Returns the rate of one part of a histogram. The unit suffix is optional because Perfscope's exporter
 * doesn't add it to names, but a Collector does.
 */
const toHistogramSelector = (name: string, part: 'bucket' | 'count' | 'sum', more = '') =>
  `rate({__name__=~"${name}(_seconds)?_${part}",job=~"$job",instance=~"$instance"${more}}[$__rate_interval])`;
const toSelector = (name: string) => `{__name__=~"${name}",job=~"$job",instance=~"$instance"}`;
/** Upper bound of the last bucket in ms. It is the same for requests and statements. */
const LAST_BUCKET_MS = 10_000;
/** Prometheus returns the bound of the last bucket for all percentiles above it. */
const LAST_BUCKET_MAPPINGS = [toAboveMapping(LAST_BUCKET_MS, '> 10 s')];
const LAST_BUCKET_DESCRIPTION =
  'Prometheus has no bucket above 10 s, so longer durations are shown as “> 10 s”.';
const FAILED_LABEL = ',error_type!=""';

const toCount = (name: string, more = '') => `sum(${toHistogramSelector(name, 'count', more)})`;
/** Returns a mean duration in ms. */
const toMean = (name: string, by = '') =>
  `1000 * sum${by}(${toHistogramSelector(name, 'sum')}) / sum${by}(${toHistogramSelector(name, 'count')})`;
const toQuantile = (name: string, q: number) =>
  `1000 * histogram_quantile(${q}, sum by (le) (${toHistogramSelector(name, 'bucket')}))`;
/** Returns the failure rate in percent. `vector(0)` gives 0 instead of no data if nothing failed. */
const toFailedShare = (name: string) =>
  `100 * (${toCount(name, FAILED_LABEL)} or vector(0)) / ${toCount(name)}`;
const toQuantiles = (name: string) =>
  [0.5, 0.95, 0.99].map((q, i) => createPromQuery(toQuantile(name, q), `p${100 * q}`, 'ABC'[i]));

export const prometheus = createDashboard({
  name: 'prometheus',
  title: 'Perfscope / Prometheus only',
  description:
    'Key metrics from Prometheus alone, for installations that scrape /metrics and don’t use QuestDB.',
  variables: [createLabelVariable('job', 'Job'), createLabelVariable('instance', 'Instance')],
  last: '1h',
  refresh: '30s',
  annotations: () => [],
  rows: [
    {
      height: 3,
      panels: [
        createStat({
          title: 'Requests',
          unit: 'reqps',
          width: 5,
          emptyText: NO_DATA_TEXT,
          description: 'Requests per second.',
          promql: [createPromQuery(toCount(REQUEST_METRIC), 'requests')],
        }),
        createStat({
          title: 'Average response time',
          unit: 'ms',
          width: 5,
          emptyText: NO_DATA_TEXT,
          description: 'Mean duration. Colors show the thresholds of the response-time rule.',
          promql: [createPromQuery(toMean(REQUEST_METRIC), 'average')],
          thresholds: createRuleThresholds('response-time'),
        }),
        createStat({
          title: 'Error rate',
          unit: 'percent',
          width: 5,
          decimals: 2,
          emptyText: NO_DATA_TEXT,
          description:
            'Percentage of requests that failed. Colors show the thresholds of the error-rate rule.',
          promql: [createPromQuery(toFailedShare(REQUEST_METRIC), 'failed')],
          thresholds: createRuleThresholds('error-rate'),
        }),
        createStat({
          title: 'Average statement time',
          unit: 'ms',
          width: 5,
          emptyText: NO_DATA_TEXT,
          description:
            'Mean duration of database statements. Colors show the thresholds of the database-time rule.',
          promql: [createPromQuery(toMean(STATEMENT_METRIC), 'average')],
          thresholds: createRuleThresholds('database-time'),
        }),
        createStat({
          title: 'Firing alerts',
          unit: 'short',
          width: 4,
          description: 'Firing alerts reported by Perfscope.',
          promql: [
            createPromQuery(
              'count(ALERTS{alertstate="firing",job=~"$job"}) or vector(0)',
              'firing',
            ),
          ],
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
          description: 'All requests and failed requests.',
          promql: [
            createPromQuery(toCount(REQUEST_METRIC), 'all', 'A'),
            createPromQuery(`${toCount(REQUEST_METRIC, FAILED_LABEL)} or vector(0)`, 'failed', 'B'),
          ],
        }),
        createTimeSeries({
          title: 'Response time',
          unit: 'ms',
          width: 12,
          description: `Percentiles of all requests. ${LAST_BUCKET_DESCRIPTION}`,
          mappings: LAST_BUCKET_MAPPINGS,
          promql: toQuantiles(REQUEST_METRIC),
          thresholds: createRuleThresholds('response-time'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Requests per second by status code',
          unit: 'reqps',
          width: 8,
          stacked: true,
          description: 'Finished requests by HTTP status code.',
          promql: [
            createPromQuery(
              `sum by (http_response_status_code) (${toHistogramSelector(REQUEST_METRIC, 'count')})`,
              '{{http_response_status_code}}',
            ),
          ],
        }),
        createTimeSeries({
          title: 'Requests per second by endpoint',
          unit: 'reqps',
          width: 8,
          stacked: true,
          description: 'The 10 busiest endpoints.',
          promql: [
            createPromQuery(
              `topk(10, sum by (http_route) (${toHistogramSelector(REQUEST_METRIC, 'count')}))`,
              '{{http_route}}',
            ),
          ],
        }),
        createTimeSeries({
          title: 'Average response time by endpoint',
          unit: 'ms',
          width: 8,
          description: 'The 10 slowest endpoints.',
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
          description: `Percentiles of database statements. ${LAST_BUCKET_DESCRIPTION}`,
          mappings: LAST_BUCKET_MAPPINGS,
          promql: toQuantiles(STATEMENT_METRIC),
          thresholds: createRuleThresholds('database-time'),
        }),
        createTimeSeries({
          title: 'Job processing time',
          unit: 'ms',
          width: 8,
          description: 'Mean run time of a job attempt, by queue.',
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
          description: 'Jobs in each queue that are ready to run.',
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
          title: 'Host CPU',
          unit: 'percent',
          width: 8,
          max: 100,
          description: 'CPU usage of the host.',
          promql: [
            createPromQuery(
              `100 * ${toSelector('system_cpu_utilization(_ratio)?')}`,
              '{{job}} {{instance}}',
            ),
          ],
          thresholds: createRuleThresholds('cpu'),
        }),
        createTimeSeries({
          title: 'Event loop delay',
          unit: 'ms',
          width: 8,
          description: 'How long callbacks wait before they run, 99th percentile.',
          promql: [
            createPromQuery(
              `1000 * ${toSelector('nodejs_eventloop_delay_p99(_seconds)?')}`,
              '{{job}} {{instance}}',
            ),
          ],
        }),
        createTimeSeries({
          title: 'Heap used',
          unit: 'bytes',
          width: 8,
          description: 'Heap usage of each process.',
          promql: [
            createPromQuery(toSelector('v8js_memory_heap_used(_bytes)?'), '{{job}} {{instance}}'),
          ],
        }),
      ],
    },
  ],
});
