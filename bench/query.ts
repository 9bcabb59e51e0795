import { loadavg } from 'node:os';
import { parseSettings } from '../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../src/core/config/questdb-targets.ts';
import { DAY_MS, HOUR_MS } from '../src/core/duration.ts';
import { QuestdbQueryClient } from '../src/storage/questdb/query-client.ts';
import { compareWithPrometheus, type PrometheusComparison } from './query/compare-prometheus.ts';
import {
  FLUSH_INTERVAL_MS,
  READER_COUNT,
  type ReadersReport,
  readWhileWriting,
} from './query/concurrent-readers.ts';
import { RANGES } from './query/dashboard-panels.ts';
import {
  BENCH_QUERIES,
  formatQueryName,
  measureQueries,
  type QueryTimings,
} from './query/measure-queries.ts';
import { ServiceFleet } from './query/service-fleet.ts';
import {
  atMost,
  type BenchOptions,
  type Report,
  roundToFourDigits,
  type Target,
} from './report.ts';

const SIZES = {
  full: {
    requestSeries: 500,
    rawMs: DAY_MS,
    days: 30,
    rounds: 40,
    rowsPerSecond: 20_000,
    seconds: 25,
  },
  quick: {
    requestSeries: 40,
    rawMs: HOUR_MS,
    days: 2,
    rounds: 4,
    rowsPerSecond: 2000,
    seconds: 3,
  },
} as const;
const MAX_DASHBOARD_MS = 300;
const MAX_READER_MS = 500;
const MAX_ERROR = 0.05;

/** Measures queries over a month of data from many services, and the accuracy of percentiles. */
export async function benchQuery({ quick, log }: BenchOptions): Promise<Report> {
  const size = quick ? SIZES.quick : SIZES.full;
  const fleet = new ServiceFleet({ ...size, log });
  let queryClient: QuestdbQueryClient | undefined;
  try {
    await fleet.start();
    const { questdb } = fleet;
    queryClient = new QuestdbQueryClient(
      getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read,
    );
    const rowCounts = await fleet.countRows();
    const load = [`${roundToFourDigits(loadavg()[0]!)} before`];
    log('measuring the queries …');
    const timings = await measureQueries(queryClient, questdb.pid, size.rounds, log);
    printTargets(toPanelTargets(timings), log);
    log('comparing with Prometheus …');
    const comparison = await compareWithPrometheus(fleet, queryClient, size.rounds);
    printTargets(toComparisonTargets(comparison), log);
    log(`running ${READER_COUNT} readers …`);
    const readers = await readWhileWriting(fleet, queryClient, size);
    load.push(`${roundToFourDigits(loadavg()[0]!)} after`);
    return {
      targets: [
        ...toPanelTargets(timings),
        ...toComparisonTargets(comparison),
        ...toReaderTargets(readers),
      ],
      details: {
        ...rowCounts,
        rounds: size.rounds,
        'load average': load.join(', '),
        ...toPanelDetails(timings),
        ...toComparisonDetails(comparison),
        ...toReaderDetails(readers),
      },
    };
  } finally {
    await queryClient?.close();
    await fleet.remove();
  }
}

/** Prints results as soon as they are measured, so that they aren't lost if a later step fails. */
function printTargets(targets: readonly Target[], log: BenchOptions['log']): void {
  for (const { name, value, unit } of targets) log(`${name}: ${value} ${unit}`);
}

function toPanelTargets({ wall }: QueryTimings): Target[] {
  return RANGES.flatMap(({ name: range, panelMs }) =>
    Object.keys(BENCH_QUERIES).flatMap((query) => {
      const limit =
        query !== 'dashboard' ? panelMs : range === '24 h' ? MAX_DASHBOARD_MS : undefined;
      if (limit === undefined) return [];
      const p95 = wall.quantile(formatQueryName('warm', range, query), 0.95);
      return atMost(`${query}, ${range}, p95`, p95, limit, 'ms');
    }),
  );
}

function toPanelDetails({ wall, cpu }: QueryTimings): Report['details'] {
  const entries = RANGES.flatMap(({ name: range }) =>
    Object.keys(BENCH_QUERIES).flatMap((query) =>
      (['warm', 'cold'] as const).map((cacheState) => {
        const name = formatQueryName(cacheState, range, query);
        const [p50, p95] = [0.5, 0.95].map((q) => roundToFourDigits(wall.quantile(name, q)));
        return [
          name,
          `p50 ${p50} ms, p95 ${p95} ms, CPU ${roundToFourDigits(cpu.mean(name))} ms`,
        ] as const;
      }),
    ),
  );
  return Object.fromEntries(entries);
}

function toComparisonTargets({ times, errors }: PrometheusComparison): Target[] {
  const perfscopeMs = times.quantile('perfscope', 0.95);
  const prometheusMs = times.quantile('prometheus', 0.95);
  return [
    atMost(
      'p95 by endpoint over 24 h, query time relative to Prometheus',
      perfscopeMs / prometheusMs,
      1,
      '1',
    ),
    atMost('maximum relative error of the percentile', errors.perfscope.max, MAX_ERROR, '1'),
  ];
}

function toComparisonDetails({ samples, times, errors }: PrometheusComparison): Report['details'] {
  const describe = (source: 'perfscope' | 'prometheus') =>
    [
      ...[0.5, 0.95].map((q) => `p${100 * q} ${roundToFourDigits(times.quantile(source, q))} ms`),
      `error median ${roundToFourDigits(100 * errors[source].median)} %, max ${roundToFourDigits(100 * errors[source].max)} %`,
    ].join(', ');
  return {
    'samples in Prometheus': samples,
    'p95 by endpoint, Perfscope': describe('perfscope'),
    'p95 by endpoint, Prometheus': describe('prometheus'),
  };
}

function toReaderTargets({ times, delaysMs }: ReadersReport): Target[] {
  const p95 = (name: string) => times.quantile(name, 0.95);
  return [
    atMost(`${READER_COUNT} readers of all data, p95`, p95('everything'), MAX_READER_MS, 'ms'),
    atMost(
      `${READER_COUNT} readers of one organization each, p95`,
      p95('own'),
      MAX_READER_MS,
      'ms',
    ),
    atMost(
      'maximum time from recording a row to storage',
      Math.max(...delaysMs),
      FLUSH_INTERVAL_MS,
      'ms',
    ),
  ];
}

function toReaderDetails(report: ReadersReport): Report['details'] {
  const { times, rows, rowsPerSecond, dashboards, delaysMs } = report;
  const medianOf = (name: string) => roundToFourDigits(times.quantile(name, 0.5));
  const sorted = delaysMs.toSorted((a, b) => a - b);
  return {
    'rows written while reading': rows,
    'rows per second': Math.round(rowsPerSecond),
    'dashboards read': dashboards,
    'readers, p50': `everything ${medianOf('everything')} ms, own ${medianOf('own')} ms`,
    'readers, p50 of the first read': `everything ${medianOf('first everything')} ms, own ${medianOf('first own')} ms`,
    'time from recording a row to storage, p95': `${roundToFourDigits(sorted[Math.floor(0.95 * sorted.length)] ?? Number.NaN)} ms`,
  };
}
