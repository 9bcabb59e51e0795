import { loadavg } from 'node:os';
import type pg from 'pg';
import { endOfNow } from '../src/windows/freshness.ts';
import { DAY_MS, HOUR_MS } from '../src/windows/range.ts';
import { openReadOnly, QUERIES, textOf } from '../test/support/check-dashboards.ts';
import { Estate } from './query/estate.ts';
import { Times } from './query/times.ts';
import { atMost, type BenchOptions, type Report, rounded } from './report.ts';

const SIZES = {
  full: { requestSeries: 500, rawMs: 24 * HOUR_MS, days: 30, rounds: 40 },
  quick: { requestSeries: 40, rawMs: HOUR_MS, days: 2, rounds: 3 },
} as const;
/** Lengths of the ranges, with the longest time in ms that a query may take at the 95th percentile. */
const RANGES = [
  { name: '24 h', ms: DAY_MS, limitMs: 250 },
  { name: '30 days', ms: 30 * DAY_MS, limitMs: 600 },
] as const;
const SHOWN = 10;

/** How quickly Grafana gets what its panels, variables and marks ask, one after another. */
export async function dashboards({ quick, say }: BenchOptions): Promise<Report> {
  const size = quick ? SIZES.quick : SIZES.full;
  const estate = new Estate({ ...size, say });
  let client: pg.Client | undefined;
  try {
    await estate.start();
    client = await openReadOnly(estate.questdb.readTarget);
    const load = [`${rounded(loadavg()[0]!)} before`];
    const times = await askAll(client, size.rounds, say);
    load.push(`${rounded(loadavg()[0]!)} after`);
    const counts = await estate.rowCounts();
    const slowest = RANGES.map(({ name, limitMs }) => ({
      name,
      limitMs,
      all: ranked(times, name),
    }));
    return {
      targets: slowest.map(({ name, limitMs, all: [first] }) =>
        atMost(`slowest query over ${name} (${first?.query}), p95`, first?.p95 ?? 0, limitMs, 'ms'),
      ),
      details: {
        ...counts,
        queries: QUERIES.length,
        rounds: size.rounds,
        'load average': load.join(', '),
        ...Object.fromEntries(
          slowest.flatMap(({ name, all }) =>
            all
              .slice(0, SHOWN)
              .map(({ query, p95, p50 }) => [
                `${name}, ${query}`,
                `p50 ${rounded(p50)} ms, p95 ${rounded(p95)} ms`,
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

async function askAll(
  client: pg.Client,
  rounds: number,
  say: (line: string) => void,
): Promise<Times> {
  const times = new Times();
  // The first rounds compile what is asked.
  for (let round = -2; round < rounds; round++) {
    if (round % 5 === 0) say(`round ${round} of ${rounds}`);
    for (const { name, ms } of RANGES) {
      for (const query of QUERIES) {
        const toMs = endOfNow(ms);
        const text = textOf(query, { fromMs: toMs - ms, toMs });
        const startMs = performance.now();
        await client.query(text);
        if (round >= 0) times.add(nameOf(name, query.name), performance.now() - startMs);
      }
    }
  }
  return times;
}

const nameOf = (range: string, query: string) => `${range}, ${query}`;

/** The queries of a range, the slowest first. */
function ranked(times: Times, range: string) {
  return QUERIES.map(({ name: query }) => ({
    query,
    p50: times.quantile(nameOf(range, query), 0.5),
    p95: times.quantile(nameOf(range, query), 0.95),
  })).sort((a, b) => b.p95 - a.p95);
}
