import { createCellLink, TRACE_LINKS } from '../parts/cell-links.ts';
import { createDashboard } from '../parts/create-dashboard.ts';
import { createHeatmap, createPercentileSeries, createTimeSeries } from '../parts/panels.ts';
import {
  createTable,
  duration,
  longText,
  number,
  ruleColors,
  TIME,
  text,
} from '../parts/tables.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { STATUS_MAPPINGS } from '../parts/value-mappings.ts';
import { createFilters, createTracingVariable } from '../parts/variables.ts';
import {
  selectPartsByEndpoint,
  selectPartsOverTime,
  selectRepeatedStatements,
} from '../sql/breakdown-queries.ts';
import {
  selectApdexOverTime,
  selectRanking,
  selectSampledRequests,
  selectSeriesBy,
  selectStreams,
} from '../sql/metric-queries.ts';
import { REQUESTS, STREAMS } from '../sql/metric-selections.ts';
import { selectOverTime } from '../sql/select-metrics.ts';
import {
  ABORTED_SHARE,
  ALL_COUNT,
  ERROR_RATE,
  SECONDS,
  selectBuckets,
} from '../sql/total-queries.ts';
import { OUTGOING_ROWS } from './outgoing-panels.ts';
import {
  APDEX_TARGET_MS,
  createApdexStat,
  createRequestRates,
  createRequestStats,
  createResponseTimes,
} from './request-panels.ts';
import { REQUEST_COLUMNS } from './tables.ts';

const FILTERS = createFilters('organization', 'property', 'service', 'environment', 'endpoint');

export const api = createDashboard({
  name: 'api',
  title: 'Perfscope / API',
  description: 'Request rates, response times, and errors by endpoint, and calls to other hosts.',
  ...FILTERS,
  variables: [...FILTERS.variables, createTracingVariable()],
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 3,
      panels: [...createRequestStats(REQUESTS), createApdexStat(REQUESTS)],
    },
    {
      height: 8,
      panels: [
        createResponseTimes(REQUESTS),
        createHeatmap({
          title: 'Response time distribution',
          unit: 'short',
          width: 12,
          description:
            'Number of requests by duration. Each upper bound is twice the bound below it.',
          sql: selectBuckets(REQUESTS, selectOverTime),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createRequestRates(REQUESTS),
        createTimeSeries({
          title: 'Requests per second by endpoint',
          unit: 'reqps',
          width: 12,
          stacked: true,
          description: 'The 10 busiest endpoints in the time range, with aborted requests.',
          sql: selectSeriesBy('endpoint', REQUESTS, `${ALL_COUNT} / ${SECONDS}`),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response time by endpoint',
          unit: 'ms',
          width: 8,
          description: 'The 10 busiest endpoints in the time range.',
          sql: selectSeriesBy('endpoint', REQUESTS, 'total / amount'),
          thresholds: createRuleThresholds('response-time'),
        }),
        createTimeSeries({
          title: 'Error rate by service',
          unit: 'percent',
          width: 8,
          description: 'Percentage of requests that failed, for the 10 busiest services.',
          sql: selectSeriesBy('service', REQUESTS, ERROR_RATE),
          thresholds: createRuleThresholds('error-rate'),
        }),
        createTimeSeries({
          title: 'Aborted requests by service',
          unit: 'percent',
          width: 8,
          description:
            'Percentage of requests that the client aborted, for the 10 busiest services.',
          sql: selectSeriesBy('service', REQUESTS, ABORTED_SHARE),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Endpoints',
          width: 24,
          description: 'The 100 endpoints whose requests took the most time in total.',
          sql: selectRanking(
            { endpoint: 'Endpoint', operation: 'Method', service: 'Service' },
            REQUESTS,
            { withAborted: true },
          ),
          columns: {
            Endpoint: longText(300, {
              links: createCellLink('Show only this endpoint', 'api', 'endpoint'),
            }),
            Method: text(80),
            Service: text(105, {
              links: createCellLink('Show this service’s hosts', 'system', 'service'),
            }),
            ...REQUEST_COLUMNS,
          },
        }),
      ],
    },
    ...OUTGOING_ROWS,
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Where the time goes',
          unit: 'ms',
          width: 24,
          stacked: true,
          description:
            'Mean time per request by part. Pool wait is the wait for a connection. Loop wait is time in which other code blocked the event loop.',
          sql: selectPartsOverTime(REQUESTS),
        }),
      ],
    },
    {
      height: 10,
      panels: [
        createTable({
          title: 'Where the time goes by endpoint',
          width: 24,
          description:
            'Mean times and numbers of calls per request, for the 100 endpoints whose requests took the most time in total.',
          sql: selectPartsByEndpoint(REQUESTS),
          columns: {
            Endpoint: longText(300, {
              links: createCellLink('Show only this endpoint', 'api', 'endpoint'),
            }),
            Method: text(80),
            Service: text(105),
            Average: duration(85, ruleColors('response-time')),
            Database: duration(90),
            Outgoing: duration(90),
            Queues: duration(75),
            'Pool wait': duration(85),
            'Loop wait': duration(90),
            Own: duration(70),
            Statements: number(95),
            Calls: number(60),
          },
        }),
      ],
    },
    {
      height: 7,
      panels: [
        createTable({
          title: 'Repeated statements',
          width: 24,
          description:
            'Statements that a request ran at least 5 times. Often, one statement with a list or a join can replace them (N+1).',
          sql: selectRepeatedStatements(),
          columns: {
            Endpoint: longText(300),
            Statement: longText(300),
            Service: text(130),
            Requests: number(85),
            'Per request': number(100),
            Most: number(65),
          },
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Average response time by version',
          unit: 'ms',
          width: 12,
          description: 'Mean response time for each service version.',
          sql: selectSeriesBy('service_version', REQUESTS, 'total / amount', ['service']),
        }),
        createPercentileSeries({
          title: 'Apdex over time',
          unit: 'short',
          width: 12,
          max: 1,
          description: `Apdex in each interval, with a target of ${APDEX_TARGET_MS} ms.`,
          sql: selectApdexOverTime(REQUESTS, APDEX_TARGET_MS),
        }),
      ],
    },
    {
      height: 7,
      panels: [
        createTable({
          title: 'Streams',
          width: 24,
          description:
            'Long-lived responses that ended, such as server-sent events, long polling, and downloads. No other panel includes them.',
          sql: selectStreams(STREAMS),
          columns: {
            Endpoint: longText(300),
            Method: text(80),
            Service: text(130),
            Ended: number(80),
            'First byte': duration(110),
            'Slowest first byte': duration(150),
            'Average open time': duration(150),
            'Longest open time': duration(150),
          },
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Slow and failed requests',
          width: 24,
          description:
            'Stored samples of slow and failed requests, slowest first. Enter the address of your tracing UI in “Trace URL” to open traces. Each part has its start and its duration.',
          sql: selectSampledRequests(),
          columns: {
            Time: TIME,
            Endpoint: longText(300),
            Method: text(80),
            Duration: duration(90, ruleColors('response-time')),
            Status: text(75, { mappings: STATUS_MAPPINGS }),
            Trace: text(140, { links: TRACE_LINKS }),
            Service: text(105),
            Parts: longText(250),
          },
        }),
      ],
    },
  ],
});
