import { loadavg } from 'node:os';
import { getExternalQuestdbTargets } from '../src/core/config/questdb-targets.ts';
import { parseSettings } from '../src/core/config/settings.ts';
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

/** How quickly questions are answered over a month of many services, and how exact percentiles are. */
export async function benchQuery({ quick, say }: BenchOptions): Promise<Report> {
  const size = quick ? SIZES.quick : SIZES.full;
  const estate = new ServiceFleet({ ...size, say });
  let store: QuestdbQueryClient | undefined;
  try {
    await estate.start();
    const { questdb } = estate;
    store = new QuestdbQueryClient(
      getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read,
    );
    const rowCounts = await estate.rowCounts();
    const load = [`${roundToFourDigits(loadavg()[0]!)} before`];
    say('the questions …');
    const asked = await measureQueries(store, questdb.pid, size.rounds, say);
    printTargets(toPanelTargets(asked), say);
    say('Prometheus …');
    const beside = await compareWithPrometheus(estate, store, size.rounds);
    printTargets(toComparisonTargets(beside), say);
    say(`${READER_COUNT} readers …`);
    const readers = await readWhileWriting(estate, store, size);
    load.push(`${roundToFourDigits(loadavg()[0]!)} after`);
    return {
      targets: [
        ...toPanelTargets(asked),
        ...toComparisonTargets(beside),
        ...toReaderTargets(readers),
      ],
      details: {
        ...rowCounts,
        rounds: size.rounds,
        'load average': load.join(', '),
        ...toPanelDetails(asked),
        ...toComparisonDetails(beside),
        ...toReaderDetails(readers),
      },
    };
  } finally {
    await store?.close();
    await estate.remove();
  }
}

/** What has been measured in half an hour is not to be lost with what comes after it. */
function printTargets(targets: readonly Target[], say: BenchOptions['say']): void {
  for (const { name, value, unit } of targets) say(`${name}: ${value} ${unit}`);
}

function toPanelTargets({ wall }: QueryTimings): Target[] {
  return RANGES.flatMap(({ name: range, panelMs }) =>
    Object.keys(BENCH_QUERIES).flatMap((question) => {
      const limit =
        question !== 'dashboard' ? panelMs : range === '24 h' ? MAX_DASHBOARD_MS : undefined;
      if (limit === undefined) return [];
      const p95 = wall.quantile(formatQueryName('again', range, question), 0.95);
      return atMost(`${question}, ${range}, p95`, p95, limit, 'ms');
    }),
  );
}

function toPanelDetails({ wall, cpu }: QueryTimings): Report['details'] {
  const figures = RANGES.flatMap(({ name: range }) =>
    Object.keys(BENCH_QUERIES).flatMap((question) =>
      (['again', 'first'] as const).map((way) => {
        const name = formatQueryName(way, range, question);
        const [p50, p95] = [0.5, 0.95].map((q) => roundToFourDigits(wall.quantile(name, q)));
        return [
          name,
          `p50 ${p50} ms, p95 ${p95} ms, CPU ${roundToFourDigits(cpu.mean(name))} ms`,
        ] as const;
      }),
    ),
  );
  return Object.fromEntries(figures);
}

function toComparisonTargets({ times, errors }: PrometheusComparison): Target[] {
  const [ours, theirs] = [times.quantile('ours', 0.95), times.quantile('prometheus', 0.95)];
  return [
    atMost('p95 by endpoint over the day, share of what Prometheus takes', ours / theirs, 1, '1'),
    atMost('its error against the exact percentile, most', errors.ours.most, MAX_ERROR, '1'),
  ];
}

function toComparisonDetails({ samples, times, errors }: PrometheusComparison): Report['details'] {
  const of = (who: 'ours' | 'prometheus') =>
    [
      ...[0.5, 0.95].map((q) => `p${100 * q} ${roundToFourDigits(times.quantile(who, q))} ms`),
      `error median ${roundToFourDigits(100 * errors[who].median)} %, most ${roundToFourDigits(100 * errors[who].most)} %`,
    ].join(', ');
  return {
    'samples in Prometheus': samples,
    'p95 by endpoint, Perfscope': of('ours'),
    'p95 by endpoint, Prometheus': of('prometheus'),
  };
}

function toReaderTargets({ times, delaysMs }: ReadersReport): Target[] {
  const p95 = (name: string) => times.quantile(name, 0.95);
  return [
    atMost(`${READER_COUNT} readers of everything, p95`, p95('everything'), MAX_READER_MS, 'ms'),
    atMost(
      `${READER_COUNT} readers of one organization each, p95`,
      p95('own'),
      MAX_READER_MS,
      'ms',
    ),
    atMost('longest way of a row to QuestDB', Math.max(...delaysMs), FLUSH_INTERVAL_MS, 'ms'),
  ];
}

function toReaderDetails(report: ReadersReport): Report['details'] {
  const { times, rows, rowsPerSecond, dashboards, delaysMs } = report;
  const half = (name: string) => roundToFourDigits(times.quantile(name, 0.5));
  const sorted = delaysMs.toSorted((a, b) => a - b);
  return {
    'rows written beside the readers': rows,
    'rows per second': Math.round(rowsPerSecond),
    'dashboards read': dashboards,
    'readers, p50': `everything ${half('everything')} ms, own ${half('own')} ms`,
    'readers, p50 of their first look': `everything ${half('first everything')} ms, own ${half('first own')} ms`,
    'way of a row, p95': `${roundToFourDigits(sorted[Math.floor(0.95 * sorted.length)] ?? Number.NaN)} ms`,
  };
}
