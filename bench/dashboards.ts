import { loadavg } from 'node:os';
import type pg from 'pg';
import { DAY_MS, HOUR_MS } from '../src/core/duration.ts';
import { getCurrentRangeEndMs } from '../src/storage/queries/time-range.ts';
import {
  DASHBOARD_QUERIES,
  expandDashboardQuery,
  openReadOnly,
} from '../test/support/check-dashboards.ts';
import { LatencyRecorder } from './query/latency-recorder.ts';
import { ServiceFleet } from './query/service-fleet.ts';
import { atMost, type BenchOptions, type Report, roundToFourDigits } from './report.ts';

const SIZES = {
  full: { requestSeries: 500, rawMs: DAY_MS, days: 30, rounds: 40 },
  quick: { requestSeries: 40, rawMs: HOUR_MS, days: 2, rounds: 3 },
} as const;
/** Time ranges, with the limit for a query's 95th percentile in ms. */
const RANGES = [
  { name: '24 h', ms: DAY_MS, limitMs: 250 },
  { name: '30 days', ms: 30 * DAY_MS, limitMs: 600 },
] as const;
const MAX_DETAILS = 10;

/** Measures the queries of Grafana's panels, variables, and annotations, one after another. */
export async function benchDashboards({ quick, log }: BenchOptions): Promise<Report> {
  const size = quick ? SIZES.quick : SIZES.full;
  const fleet = new ServiceFleet({ ...size, log });
  let client: pg.Client | undefined;
  try {
    await fleet.start();
    client = await openReadOnly(fleet.questdb.readTarget);
    const load = [`${roundToFourDigits(loadavg()[0]!)} before`];
    const times = await measureQueries(client, size.rounds, log);
    load.push(`${roundToFourDigits(loadavg()[0]!)} after`);
    const counts = await fleet.countRows();
    const slowest = RANGES.map(({ name, limitMs }) => ({
      name,
      limitMs,
      all: rankQueries(times, name),
    }));
    return {
      targets: slowest.map(({ name, limitMs, all: [first] }) =>
        atMost(`slowest query over ${name} (${first?.query}), p95`, first?.p95 ?? 0, limitMs, 'ms'),
      ),
      details: {
        ...counts,
        queries: DASHBOARD_QUERIES.length,
        rounds: size.rounds,
        'load average': load.join(', '),
        ...Object.fromEntries(
          slowest.flatMap(({ name, all }) =>
            all
              .slice(0, MAX_DETAILS)
              .map(({ query, p95, p50 }) => [
                `${name}, ${query}`,
                `p50 ${roundToFourDigits(p50)} ms, p95 ${roundToFourDigits(p95)} ms`,
              ]),
          ),
        ),
      },
    };
  } finally {
    await client?.end();
    await fleet.remove();
  }
}

async function measureQueries(
  client: pg.Client,
  rounds: number,
  log: (line: string) => void,
): Promise<LatencyRecorder> {
  const times = new LatencyRecorder();
  // The first rounds are a warm-up.
  for (let round = -2; round < rounds; round++) {
    if (round % 5 === 0) log(`round ${round} of ${rounds}`);
    for (const { name, ms } of RANGES) {
      for (const query of DASHBOARD_QUERIES) {
        const toMs = getCurrentRangeEndMs(ms);
        const text = expandDashboardQuery(query, { fromMs: toMs - ms, toMs });
        const startMs = performance.now();
        await client.query(text);
        if (round >= 0) times.add(formatQueryName(name, query.name), performance.now() - startMs);
      }
    }
  }
  return times;
}

const formatQueryName = (range: string, query: string) => `${range}, ${query}`;

/** Returns the queries of a range, slowest first. */
function rankQueries(times: LatencyRecorder, range: string) {
  return DASHBOARD_QUERIES.map(({ name: query }) => ({
    query,
    p50: times.quantile(formatQueryName(range, query), 0.5),
    p95: times.quantile(formatQueryName(range, query), 0.95),
  })).sort((a, b) => b.p95 - a.p95);
}
