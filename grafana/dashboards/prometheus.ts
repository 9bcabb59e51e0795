import { dashboard } from '../parts/dashboard.ts';
import { promQuery } from '../parts/data.ts';
import { lines, stat } from '../parts/panels.ts';
import { NOTHING, thresholdsOf } from '../parts/thresholds.ts';
import { labelVariable } from '../parts/variables.ts';

const REQUESTS = 'http_server_request_duration';
const STATEMENTS = 'db_client_operation_duration';
const JOBS = 'messaging_process_duration';
const NONE = 'Prometheus has no such series: see docs/grafana.md';

/** Series of a histogram. Perfscope's own exporter adds no unit to names, a Collector does. */
const histogram = (name: string, part: 'bucket' | 'count' | 'sum', more = '') =>
  `rate({__name__=~"${name}(_seconds)?_${part}",job=~"$job",instance=~"$instance"${more}}[$__rate_interval])`;
const values = (name: string) => `{__name__=~"${name}",job=~"$job",instance=~"$instance"}`;
const FAILED = ',error_type!=""';

const count = (name: string, more = '') => `sum(${histogram(name, 'count', more)})`;
/** In ms, as everywhere else. */
const mean = (name: string, by = '') =>
  `1000 * sum${by}(${histogram(name, 'sum')}) / sum${by}(${histogram(name, 'count')})`;
const quantile = (name: string, q: number) =>
  `1000 * histogram_quantile(${q}, sum by (le) (${histogram(name, 'bucket')}))`;
/** In percent. Without a failure there is no series, which is none of 0. */
const failed = (name: string) => `100 * (${count(name, FAILED)} or vector(0)) / ${count(name)}`;
const quantiles = (name: string) =>
  [0.5, 0.95, 0.99].map((q, i) => promQuery(quantile(name, q), `p${100 * q}`, 'ABC'[i]));

export const prometheus = dashboard({
  name: 'prometheus',
  title: 'Perfscope / Prometheus only',
  description:
    'For those who scrape /metrics and have no QuestDB: the same figures from Prometheus alone.',
  variables: [labelVariable('job', 'Job'), labelVariable('instance', 'Instance')],
  last: '1h',
  refresh: '30s',
  marks: [],
  rows: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Requests',
          unit: 'reqps',
          width: 5,
          decimals: 1,
          empty: NONE,
          description: 'Requests per second.',
          promql: [promQuery(count(REQUESTS), 'requests')],
        }),
        stat({
          title: 'Average response',
          unit: 'ms',
          width: 5,
          empty: NONE,
          description: 'Mean duration. Coloured by the rule response-time.',
          promql: [promQuery(mean(REQUESTS), 'average')],
          thresholds: thresholdsOf('response-time'),
        }),
        stat({
          title: 'Failed requests',
          unit: 'percent',
          width: 5,
          decimals: 2,
          empty: NONE,
          description: 'Share of the requests that failed. Coloured by the rule error-rate.',
          promql: [promQuery(failed(REQUESTS), 'failed')],
          thresholds: thresholdsOf('error-rate'),
        }),
        stat({
          title: 'Average statement',
          unit: 'ms',
          width: 5,
          empty: NONE,
          description: 'Mean duration of database statements. Coloured by the rule database-time.',
          promql: [promQuery(mean(STATEMENTS), 'average')],
          thresholds: thresholdsOf('database-time'),
        }),
        stat({
          title: 'Alerts',
          unit: 'short',
          width: 4,
          empty: 'No alert fires',
          description: 'Alerts that Perfscope says are firing.',
          promql: [promQuery('count(ALERTS{alertstate="firing",job=~"$job"})', 'firing')],
          thresholds: NOTHING(),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Requests per second',
          unit: 'reqps',
          width: 12,
          empty: NONE,
          description: 'All requests, and those of them that failed.',
          promql: [
            promQuery(count(REQUESTS), 'all', 'A'),
            promQuery(`${count(REQUESTS, FAILED)} or vector(0)`, 'failed', 'B'),
          ],
        }),
        lines({
          title: 'Response time',
          unit: 'ms',
          width: 12,
          empty: NONE,
          description: 'Percentiles, as exact as the bounds of Prometheus’ buckets.',
          promql: quantiles(REQUESTS),
          thresholds: thresholdsOf('response-time'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Requests per second by endpoint',
          unit: 'reqps',
          width: 12,
          stacked: true,
          empty: NONE,
          description: 'The ten busiest endpoints.',
          promql: [
            promQuery(
              `topk(10, sum by (http_route) (${histogram(REQUESTS, 'count')}))`,
              '{{http_route}}',
            ),
          ],
        }),
        lines({
          title: 'Average response by endpoint',
          unit: 'ms',
          width: 12,
          empty: NONE,
          description: 'The ten slowest endpoints.',
          promql: [promQuery(`topk(10, ${mean(REQUESTS, ' by (http_route) ')})`, '{{http_route}}')],
          thresholds: thresholdsOf('response-time'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Statement time',
          unit: 'ms',
          width: 8,
          empty: NONE,
          description: 'Percentiles of database statements.',
          promql: quantiles(STATEMENTS),
          thresholds: thresholdsOf('database-time'),
        }),
        lines({
          title: 'Processing of jobs',
          unit: 'ms',
          width: 8,
          empty: NONE,
          description: 'Mean time that an attempt ran, by queue.',
          promql: [
            promQuery(
              mean(JOBS, ' by (messaging_destination_name) '),
              '{{messaging_destination_name}}',
            ),
          ],
          thresholds: thresholdsOf('target-queue-processing'),
        }),
        lines({
          title: 'Waiting jobs',
          unit: 'short',
          width: 8,
          empty: NONE,
          description: 'Jobs of each queue that could run.',
          promql: [
            promQuery(
              'sum by (messaging_destination_name) (max by (messaging_destination_name, perfscope_job_state) (perfscope_queue_depth{perfscope_job_state=~"waiting|prioritized|paused",job=~"$job",instance=~"$instance"}))',
              '{{messaging_destination_name}}',
            ),
          ],
          thresholds: thresholdsOf('queue-depth'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'CPU of hosts',
          unit: 'percent',
          width: 8,
          max: 100,
          empty: NONE,
          description: 'Share of the host’s CPU that was used.',
          promql: [promQuery(`100 * ${values('system_cpu_utilization(_ratio)?')}`, '{{instance}}')],
          thresholds: thresholdsOf('cpu'),
        }),
        lines({
          title: 'Event loop delay',
          unit: 'ms',
          width: 8,
          empty: NONE,
          description: '99th percentile: how long what is ready has to wait.',
          promql: [
            promQuery(`1000 * ${values('nodejs_eventloop_delay_p99(_seconds)?')}`, '{{instance}}'),
          ],
        }),
        lines({
          title: 'Heap',
          unit: 'bytes',
          width: 8,
          empty: NONE,
          description: 'Heap of each process that is in use.',
          promql: [promQuery(values('v8js_memory_heap_used(_bytes)?'), '{{instance}}')],
        }),
      ],
    },
  ],
});
