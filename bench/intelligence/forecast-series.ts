import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { HOUR_MS } from '../../src/core/duration.ts';
import type { RegularSeries } from '../../src/server/forecasts/regular-series.ts';
import { createNoise } from '../../test/support/forecast-series.ts';

/** A series whose forecasts are compared with what followed. */
export interface BenchSeries {
  readonly name: string;
  readonly kind: string;
  readonly accumulates: boolean;
  /** Hourly values. */
  readonly series: RegularSeries;
}

const DAYS = 42;
const HOURS = DAYS * 24;
/** 1 June 2026, a Monday. */
const START_MS = Date.UTC(2026, 5, 1);

interface Shape {
  readonly kind: string;
  readonly accumulates: boolean;
  /** Returns the value of each hour. */
  readonly create: (noise: () => number, seed: number) => (hour: number) => number;
}

const daily = (hour: number) => 1 + 0.6 * Math.sin((2 * Math.PI * (hour - 9)) / 24);
const weekly = (hour: number) => (Math.floor(hour / 24) % 7 >= 5 ? 0.6 : 1);

/** One shape for each kind of subject. All parameters depend on the seed. */
const SHAPES: readonly Shape[] = [
  {
    kind: 'disk, steady growth',
    accumulates: true,
    create: (noise, seed) => (hour) => 20 + (0.02 + 0.01 * seed) * hour + 0.3 * noise(),
  },
  {
    kind: 'disk, nightly batch',
    accumulates: true,
    create: (noise, seed) => (hour) =>
      20 + (0.5 + 0.2 * seed) * Math.floor((hour + 21) / 24) + 0.1 * noise(),
  },
  {
    kind: 'disk, log rotation',
    accumulates: true,
    create: (noise, seed) => (hour) =>
      50 + (25 * (hour % (24 * (1 + seed)))) / (24 * (1 + seed)) + 0.3 * noise(),
  },
  {
    kind: 'memory, leak with restarts',
    accumulates: true,
    create: (noise, seed) => {
      const restarts = [300 + 37 * seed, 560 + 21 * seed];
      return (hour) => {
        const since = hour - Math.max(0, ...restarts.filter((at) => at <= hour));
        return 30 + 0.05 * since + noise();
      };
    },
  },
  {
    kind: 'pool, daily pattern',
    accumulates: false,
    create: (noise, seed) => (hour) =>
      Math.max(0, (4 + seed) * daily(hour) * weekly(hour) * (1 + hour / 1500) + 0.4 * noise()),
  },
  {
    kind: 'queue, bursts',
    accumulates: false,
    create: (noise, seed) => (hour) => {
      const burst = (hour * (7 + seed)) % 53;
      return Math.max(0, burst < 8 ? 200 - 25 * burst + 10 * noise() : noise());
    },
  },
  {
    kind: 'request rate, growth',
    accumulates: false,
    create: (noise, seed) => (hour) =>
      Math.max(
        0,
        (300 + 100 * seed) * daily(hour) * weekly(hour) * (1 + hour / 2000) * (1 + 0.08 * noise()),
      ),
  },
  {
    kind: 'error budget',
    accumulates: true,
    create: (noise, seed) => {
      let used = 0;
      return (hour) => {
        used += Math.max(0, 0.04 + 0.01 * seed + 0.03 * noise() + (hour % 190 === 100 ? 2 : 0));
        return used;
      };
    },
  },
  {
    kind: 'random walk',
    accumulates: false,
    create: (noise) => {
      let value = 50;
      return () => (value += 0.3 * noise());
    },
  },
];

/** Returns the same series at each call. */
export function createSyntheticSeries(seeds: number): BenchSeries[] {
  return SHAPES.flatMap(({ kind, accumulates, create }, shape) =>
    Array.from({ length: seeds }, (_, seed) => {
      const toValue = create(createNoise(1000 * shape + seed), seed);
      const values = Float64Array.from({ length: HOURS }, (_, hour) => toValue(hour));
      const series = { startMs: START_MS, stepMs: HOUR_MS, values };
      return { name: `${kind} ${seed}`, kind, accumulates, series };
    }),
  );
}

const DECOMPRESS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  '.csv': (bytes) => bytes,
  '.csv.gz': gunzipSync,
};

/**
 * Loads the files of the Numenta Anomaly Benchmark in a folder and its subfolders. Each has the columns `timestamp` and
 * `value`. Values are averaged per hour.
 *
 * @returns an empty list if the folder doesn't exist
 */
export function loadNabSeries(folder: string): BenchSeries[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .sort()
    .flatMap((name) => {
      const extension = Object.keys(DECOMPRESS).find((end) => name.endsWith(end));
      if (extension === undefined) return [];
      const text = DECOMPRESS[extension]!(readFileSync(join(folder, name))).toString();
      const series = parseHourly(text);
      return series ? [{ name, kind: 'public data (NAB)', accumulates: false, series }] : [];
    });
}

function parseHourly(text: string): RegularSeries | undefined {
  const hours = new Map<number, { sum: number; count: number }>();
  for (const line of text.split('\n').slice(1)) {
    const [time = '', value = ''] = line.trim().split(',');
    const hour = Math.floor(Date.parse(`${time.replace(' ', 'T')}Z`) / HOUR_MS);
    if (Number.isNaN(hour) || value === '' || !Number.isFinite(Number(value))) continue;
    const known = hours.get(hour) ?? { sum: 0, count: 0 };
    hours.set(hour, { sum: known.sum + Number(value), count: known.count + 1 });
  }
  if (hours.size === 0) return undefined;
  const first = Math.min(...hours.keys());
  const last = Math.max(...hours.keys());
  const values = Float64Array.from({ length: last - first + 1 }, (_, i) => {
    const hour = hours.get(first + i);
    return hour ? hour.sum / hour.count : Number.NaN;
  });
  return { startMs: first * HOUR_MS, stepMs: HOUR_MS, values };
}
