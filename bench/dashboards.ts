import { loadavg } from 'node:os';
import type pg from 'pg';
import { DAY_MS, HOUR_MS } from '../src/core/duration.ts';
import { getCurrentRangeEndMs } from '../src/storage/queries/query-range.ts';
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
/** Lengths of the ranges, with the longest time in ms that a query may take at the 95th percentile. */
const RANGES = [
  { name: '24 h', ms: DAY_MS, limitMs: 250 },
  { name: '30 days', ms: 30 * DAY_MS, limitMs: 600 },
] as const;
const MAX_DETAILS = 10;

/** How quickly Grafana gets what its panels, variables and marks ask, one after another. */
export async function benchDashboards({ quick, say }: BenchOptions): Promise<Report> {
  const size = quick ? SIZES.quick : SIZES.full;
  const estate = new ServiceFleet({ ...size, say });
  let client: pg.Client | undefined;
  try {
    await estate.start();
    client = await openReadOnly(estate.questdb.readTarget);
    const load = [`${roundToFourDigits(loadavg()[0]!)} before`];
    const times = await measureQueries(client, size.rounds, say);
    load.push(`${roundToFourDigits(loadavg()[0]!)} after`);
    const counts = await estate.rowCounts();
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
    await estate.remove();
  }
}

async function measureQueries(
  client: pg.Client,
  rounds: number,
  say: (line: string) => void,
): Promise<LatencyRecorder> {
  const times = new LatencyRecorder();
  // The first rounds compile what is asked.
  for (let round = -2; round < rounds; round++) {
    if (round % 5 === 0) say(`round ${round} of ${rounds}`);
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

/** The queries of a range, the slowest first. */
function rankQueries(times: LatencyRecorder, range: string) {
  return DASHBOARD_QUERIES.map(({ name: query }) => ({
    query,
    p50: times.quantile(formatQueryName(range, query), 0.5),
    p95: times.quantile(formatQueryName(range, query), 0.95),
  })).sort((a, b) => b.p95 - a.p95);
}
