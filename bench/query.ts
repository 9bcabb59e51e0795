import { loadavg } from 'node:os';
import { externalQuestdb } from '../src/config/external.ts';
import { parseSettings } from '../src/config/settings.ts';
import { QuestdbStore } from '../src/questdb/store.ts';
import { HOUR_MS } from '../src/windows/range.ts';
import { type Asked, askAll, nameOf, QUESTIONS } from './query/asking.ts';
import { type Beside, besidePrometheus } from './query/beside-prometheus.ts';
import { Estate } from './query/estate.ts';
import { RANGES } from './query/panels.ts';
import {
  FLUSH_INTERVAL_MS,
  READERS,
  type ReadersReport,
  readWhileWriting,
} from './query/readers.ts';
import { atMost, type BenchOptions, type Report, rounded, type Target } from './report.ts';

const SIZES = {
  full: {
    requestSeries: 500,
    rawMs: 24 * HOUR_MS,
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
const DASHBOARD_MS = 300;
const READERS_MS = 500;
const MOST_ERROR = 0.05;

/** How quickly questions are answered over a month of many services, and how exact percentiles are. */
export async function query({ quick, say }: BenchOptions): Promise<Report> {
  const size = quick ? SIZES.quick : SIZES.full;
  const estate = new Estate({ ...size, say });
  let store: QuestdbStore | undefined;
  try {
    await estate.start();
    const { questdb } = estate;
    store = new QuestdbStore(externalQuestdb(parseSettings(questdb.env).settings)!.read);
    const rowCounts = await estate.rowCounts();
    const load = [`${rounded(loadavg()[0]!)} before`];
    say('the questions …');
    const asked = await askAll(store, questdb.pid, size.rounds, say);
    tell(panelTargets(asked), say);
    say('Prometheus …');
    const beside = await besidePrometheus(estate, store, size.rounds);
    tell(besideTargets(beside), say);
    say(`${READERS} readers …`);
    const readers = await readWhileWriting(estate, store, size);
    load.push(`${rounded(loadavg()[0]!)} after`);
    return {
      targets: [...panelTargets(asked), ...besideTargets(beside), ...readersTargets(readers)],
      details: {
        ...rowCounts,
        rounds: size.rounds,
        'load average': load.join(', '),
        ...panelDetails(asked),
        ...besideDetails(beside),
        ...readersDetails(readers),
      },
    };
  } finally {
    await store?.close();
    await estate.remove();
  }
}

/** What has been measured in half an hour is not to be lost with what comes after it. */
function tell(targets: readonly Target[], say: BenchOptions['say']): void {
  for (const { name, value, unit } of targets) say(`${name}: ${value} ${unit}`);
}

function panelTargets({ wall }: Asked): Target[] {
  return RANGES.flatMap(({ name: range, panelMs }) =>
    Object.keys(QUESTIONS).flatMap((question) => {
      const limit =
        question !== 'dashboard' ? panelMs : range === '24 h' ? DASHBOARD_MS : undefined;
      if (limit === undefined) return [];
      const p95 = wall.quantile(nameOf('again', range, question), 0.95);
      return atMost(`${question}, ${range}, p95`, p95, limit, 'ms');
    }),
  );
}

function panelDetails({ wall, cpu }: Asked): Report['details'] {
  const figures = RANGES.flatMap(({ name: range }) =>
    Object.keys(QUESTIONS).flatMap((question) =>
      (['again', 'first'] as const).map((way) => {
        const name = nameOf(way, range, question);
        const [p50, p95] = [0.5, 0.95].map((q) => rounded(wall.quantile(name, q)));
        return [name, `p50 ${p50} ms, p95 ${p95} ms, CPU ${rounded(cpu.mean(name))} ms`] as const;
      }),
    ),
  );
  return Object.fromEntries(figures);
}

function besideTargets({ times, errors }: Beside): Target[] {
  const [ours, theirs] = [times.quantile('ours', 0.95), times.quantile('prometheus', 0.95)];
  return [
    atMost('p95 by endpoint over the day, share of what Prometheus takes', ours / theirs, 1, '1'),
    atMost('its error against the exact percentile, most', errors.ours.most, MOST_ERROR, '1'),
  ];
}

function besideDetails({ samples, times, errors }: Beside): Report['details'] {
  const of = (who: 'ours' | 'prometheus') =>
    [
      ...[0.5, 0.95].map((q) => `p${100 * q} ${rounded(times.quantile(who, q))} ms`),
      `error median ${rounded(100 * errors[who].median)} %, most ${rounded(100 * errors[who].most)} %`,
    ].join(', ');
  return {
    'samples in Prometheus': samples,
    'p95 by endpoint, Perfscope': of('ours'),
    'p95 by endpoint, Prometheus': of('prometheus'),
  };
}

function readersTargets({ times, delaysMs }: ReadersReport): Target[] {
  const p95 = (name: string) => times.quantile(name, 0.95);
  return [
    atMost(`${READERS} readers of everything, p95`, p95('everything'), READERS_MS, 'ms'),
    atMost(`${READERS} readers of one organization each, p95`, p95('own'), READERS_MS, 'ms'),
    atMost('longest way of a row to QuestDB', Math.max(...delaysMs), FLUSH_INTERVAL_MS, 'ms'),
  ];
}

function readersDetails(report: ReadersReport): Report['details'] {
  const { times, rows, rowsPerSecond, dashboards, delaysMs } = report;
  const half = (name: string) => rounded(times.quantile(name, 0.5));
  const sorted = delaysMs.toSorted((a, b) => a - b);
  return {
    'rows written beside the readers': rows,
    'rows per second': Math.round(rowsPerSecond),
    'dashboards read': dashboards,
    'readers, p50': `everything ${half('everything')} ms, own ${half('own')} ms`,
    'readers, p50 of their first look': `everything ${half('first everything')} ms, own ${half('first own')} ms`,
    'way of a row, p95': `${rounded(sorted[Math.floor(0.95 * sorted.length)] ?? Number.NaN)} ms`,
  };
}
