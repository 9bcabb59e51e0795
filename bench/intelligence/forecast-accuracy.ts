// node bench/intelligence/forecast-accuracy.ts [--seeds N] [--nab FOLDER]
// Compares forecasts with the values that followed, next to naive and seasonal-naive forecasts.
import { parseArgs } from 'node:util';
import { HOUR_MS } from '../../src/core/duration.ts';
import { loadAugursModels } from '../../src/server/forecasts/augurs-models.ts';
import { computeForecast } from '../../src/server/forecasts/compute-forecast.ts';
import { HOURLY_GRID } from '../../src/server/forecasts/forecast-subject.ts';
import { type BenchSeries, createSyntheticSeries, loadNabSeries } from './forecast-series.ts';

/** Horizons of the comparison, in hours. */
const HORIZONS = [1, 24, 72, 168];
/** At most this number of days is known at the time of a forecast. */
const KNOWN_HOURS = 28 * 24;
const MIN_KNOWN_HOURS = 72;
/** Number of forecasts per series. */
const ORIGINS = 12;
const SEASON = 168;
const DAY = 24;

/** Mean absolute errors on held-out values, as a multiple of the mean change between two hours (MASE). */
interface HorizonScore {
  /** Number of compared forecasts. */
  count: number;
  error: number;
  naive: number;
  seasonalNaive: number;
  /** Number of values inside the 80 % interval. */
  covered: number;
}

/** The results for one kind of series. */
interface KindScore {
  readonly kind: string;
  /** Number of attempted forecasts, and of forecasts that users see. */
  attempted: number;
  shown: number;
  /** By horizon in hours. */
  readonly horizons: Map<number, HorizonScore>;
}

/**
 * Runs forecasts from several times in each series, and compares them with the values that followed.
 *
 * @param series hourly series
 * @returns the scores by kind, in the order of the series
 */
async function measureForecastAccuracy(series: readonly BenchSeries[]): Promise<KindScore[]> {
  const scores = new Map<string, KindScore>();
  for (const each of series) {
    const score = scores.get(each.kind) ?? {
      kind: each.kind,
      attempted: 0,
      shown: 0,
      horizons: new Map<number, HorizonScore>(),
    };
    scores.set(each.kind, score);
    await scoreSeries(each, score);
  }
  return [...scores.values()];
}

async function scoreSeries({ series, accumulates }: BenchSeries, score: KindScore): Promise<void> {
  const { values, startMs, stepMs } = series;
  const last = values.length - 25;
  if (last <= MIN_KNOWN_HOURS) return;
  for (let i = 0; i < ORIGINS; i++) {
    const origin = Math.round(MIN_KNOWN_HOURS + ((last - MIN_KNOWN_HOURS) * i) / (ORIGINS - 1));
    const from = Math.max(0, origin - KNOWN_HOURS);
    const known = values.slice(from, origin);
    const highest = known.reduce(
      (max, value) => (Number.isNaN(value) ? max : Math.max(max, value)),
      0,
    );
    const forecast = await computeForecast(
      { startMs: startMs + from * stepMs, stepMs, values: known },
      {
        limit: 1.05 * highest + 1e-9,
        accumulates,
        periods: HOURLY_GRID.periodsMs.map((ms) => ms / HOUR_MS),
        horizons: HOURLY_GRID.horizonsMs.map((ms) => ms / HOUR_MS),
        minValues: HOURLY_GRID.minHistoryMs / HOUR_MS,
        nowMs: startMs + origin * stepMs,
        models: loadAugursModels,
      },
    );
    score.attempted += 1;
    const { points } = forecast;
    if (!points) continue;
    score.shown += 1;
    const scale = computeMeanChange(known);
    for (const horizon of HORIZONS) {
      const point = points[horizon - 1];
      const actual = values[origin + horizon - 1];
      if (!point || actual === undefined || Number.isNaN(actual) || !(scale > 0)) continue;
      const sum = score.horizons.get(horizon) ?? {
        count: 0,
        error: 0,
        naive: 0,
        seasonalNaive: 0,
        covered: 0,
      };
      score.horizons.set(horizon, sum);
      const period = known.length >= SEASON ? SEASON : DAY;
      const repeated = known[known.length - period + ((horizon - 1) % period)]!;
      sum.count += 1;
      sum.error += Math.abs(point.value - actual) / scale;
      sum.naive += Math.abs(findLast(known) - actual) / scale;
      sum.seasonalNaive +=
        Math.abs((Number.isNaN(repeated) ? findLast(known) : repeated) - actual) / scale;
      if (actual >= point.lower && actual <= point.upper) sum.covered += 1;
    }
  }
}

function findLast(values: Float64Array): number {
  return values.findLast((value) => !Number.isNaN(value)) ?? 0;
}

function computeMeanChange(values: Float64Array): number {
  const known = values.filter((value) => !Number.isNaN(value));
  const changes = known.slice(1).map((value, i) => Math.abs(value - known[i]!));
  return changes.reduce((sum, change) => sum + change, 0) / changes.length;
}

/** Formats scores as a Markdown table. */
function formatForecastScores(scores: readonly KindScore[]): string {
  const rows = scores.flatMap(({ kind, attempted, shown, horizons }) =>
    shown === 0
      ? [[kind, `0 of ${attempted}`, '', '', '', '', '']]
      : HORIZONS.flatMap((horizon) => {
          const sum = horizons.get(horizon);
          if (!sum) return [];
          const mean = (value: number) => (value / sum.count).toFixed(2);
          const coverage = `${Math.round((100 * sum.covered) / sum.count)} %`;
          const label = horizon === 1 ? '1 h' : `${horizon / 24} d`;
          return [
            [
              kind,
              `${shown} of ${attempted}`,
              label,
              mean(sum.error),
              mean(sum.naive),
              mean(sum.seasonalNaive),
              coverage,
            ],
          ];
        }),
  );
  const head = ['Series', 'Shown', 'Horizon', 'Forecast', 'Naive', 'Seasonal naive', 'In interval'];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The result of {@link measureForecastRefresh}. */
export interface RefreshScore {
  readonly seriesCount: number;
  /** CPU time of one refresh of all forecasts, in ms. */
  readonly cpuMs: number;
  /** Additional memory of the process, in bytes. */
  readonly memoryBytes: number;
}

/**
 * Measures the forecasts of `count` series with 28 days each. A server computes them once per hour.
 *
 * @param count number of series
 */
export async function measureForecastRefresh(count: number): Promise<RefreshScore> {
  const shapes = createSyntheticSeries(3);
  const before = process.memoryUsage().rss;
  const cpu = process.cpuUsage();
  const kept: unknown[] = [];
  for (let i = 0; i < count; i++) {
    const { series, accumulates } = shapes[i % shapes.length]!;
    const values = series.values.slice(0, KNOWN_HOURS).map((value) => value + i / 1e6);
    const highest = values.reduce((max, value) => Math.max(max, value), 0);
    const forecast = await computeForecast(
      { ...series, values },
      {
        // One in ten subjects is close to its limit.
        limit: highest * (i % 10 === 0 ? 1.2 : 20),
        accumulates,
        periods: [24, 168],
        horizons: HOURLY_GRID.horizonsMs.map((ms) => ms / HOUR_MS),
        minValues: 48,
        nowMs: series.startMs + KNOWN_HOURS * HOUR_MS,
        models: loadAugursModels,
      },
    );
    kept.push(forecast);
  }
  const { user, system } = process.cpuUsage(cpu);
  const memoryBytes = process.memoryUsage().rss - before;
  return { seriesCount: kept.length, cpuMs: (user + system) / 1000, memoryBytes };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '5' }, nab: { type: 'string' } },
  });
  const folder = values.nab ?? new URL('nab', import.meta.url).pathname;
  const series = [...createSyntheticSeries(Number(values.seeds)), ...loadNabSeries(folder)];
  const scores = await measureForecastAccuracy(series);
  console.log(formatForecastScores(scores));
  const { seriesCount, cpuMs, memoryBytes } = await measureForecastRefresh(1000);
  console.log(
    `${seriesCount} forecasts: ${(cpuMs / 1000).toFixed(1)} s of CPU time, ${Math.round(memoryBytes / 2 ** 20)} MiB`,
  );
}
