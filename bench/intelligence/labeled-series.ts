import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import type { ValueKind } from '../../src/server/anomalies/model/value-scale.ts';
import type { TimeRange } from '../../src/storage/queries/time-range.ts';
import type { SimulatedPoint } from '../../test/support/band-simulator.ts';
import { createGaussian, createSeasonalShape } from '../../test/support/seasonal-series.ts';

/** A series whose anomalies are known. */
export interface LabeledSeries {
  readonly name: string;
  readonly kind: ValueKind;
  readonly windowMs: number;
  readonly points: readonly SimulatedPoint[];
  /** The times in which an alert is right. */
  readonly anomalies: readonly TimeRange[];
}

const NAB_FOLDER = join(import.meta.dirname, 'nab');
/** Values in percent or degrees. All others vary in proportion to their level. */
const LINEAR_NAMES = /cpu|temperature|grok|rogue|rds/;

/** Reads the series of one folder of the Numenta Anomaly Benchmark. */
export function readNabSeries(folder: string): LabeledSeries[] {
  const windows = JSON.parse(
    readFileSync(join(NAB_FOLDER, 'combined_windows.json'), 'utf8'),
  ) as Record<string, [string, string][]>;
  return readdirSync(join(NAB_FOLDER, folder))
    .sort()
    .map((file) => {
      const name = `${folder}/${file.replace(/\.gz$/, '')}`;
      const text = gunzipSync(readFileSync(join(NAB_FOLDER, folder, file))).toString();
      const rows = text
        .trim()
        .split(/\r?\n/)
        .slice(1)
        .map((line) => line.split(','));
      const times = rows.map(([time = '']) => parseTime(time));
      const gaps = times.slice(1).map((ms, i) => ms - times[i]!);
      const windowMs = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)]!;
      return {
        name,
        kind: LINEAR_NAMES.test(file) ? 'linear' : 'proportional',
        windowMs,
        points: rows.map(([, value], i) => ({ toMs: times[i]! + windowMs, value: Number(value) })),
        anomalies: (windows[name] ?? []).map(([from, to]) => ({
          fromMs: parseTime(from),
          toMs: parseTime(to) + windowMs,
        })),
      };
    });
}

function parseTime(text: string): number {
  return Date.parse(`${text.replace(' ', 'T')}Z`);
}

const SYNTHETIC_WINDOW_MS = 5 * MINUTE_MS;
const SYNTHETIC_DAYS = 42;
/** Monday, 2026-03-02. The clock of Europe/Vienna changes on 2026-03-29. */
const SYNTHETIC_START_MS = Date.UTC(2026, 2, 2);
export const SYNTHETIC_ZONE = 'Europe/Vienna';
/** The kinds of incidents: a factor for the values, and the duration in minutes. */
const INCIDENTS = [
  { factor: 3, minutes: 30 },
  { factor: 2, minutes: 120 },
  { factor: 0.2, minutes: 45 },
  { factor: 10, minutes: 15 },
  { factor: 0, minutes: 60 },
  { factor: 1.7, minutes: 240 },
] as const;

/**
 * Creates series with a daily and a weekly cycle in Europe/Vienna, and growth of 2 % a week. Their noise is 6 % to 20 %,
 * and is partly correlated. From the third day on, each has one incident every two to four days, at any hour.
 */
export function createSyntheticSeries(count: number): LabeledSeries[] {
  return Array.from({ length: count }, (_, index) => {
    const gaussian = createGaussian(1000 + index);
    const shape = createSeasonalShape({ zone: SYNTHETIC_ZONE, weekend: 0.3 + 0.1 * (index % 5) });
    const noise = 0.06 + 0.02 * (index % 8);
    const steps = (SYNTHETIC_DAYS * DAY_MS) / SYNTHETIC_WINDOW_MS;
    let slow = 0;
    const values = Array.from({ length: steps }, (_unused, i) => {
      const ms = SYNTHETIC_START_MS + (i + 0.5) * SYNTHETIC_WINDOW_MS;
      slow = 0.99 * slow + 0.14 * noise * gaussian();
      const growth = 1.02 ** (i / ((7 * DAY_MS) / SYNTHETIC_WINDOW_MS));
      return shape(ms) * growth * Math.exp(0.8 * noise * gaussian() + 0.6 * slow);
    });
    const anomalies: TimeRange[] = [];
    let startMs = SYNTHETIC_START_MS + (3 + 0.3 * index) * DAY_MS;
    for (let k = index; startMs < SYNTHETIC_START_MS + (SYNTHETIC_DAYS - 1) * DAY_MS; k++) {
      const { factor, minutes } = INCIDENTS[k % INCIDENTS.length]!;
      const first = Math.floor((startMs - SYNTHETIC_START_MS) / SYNTHETIC_WINDOW_MS);
      const length = (minutes * MINUTE_MS) / SYNTHETIC_WINDOW_MS;
      for (let i = first; i < first + length; i++) values[i] = factor * values[i]!;
      const fromMs = SYNTHETIC_START_MS + first * SYNTHETIC_WINDOW_MS;
      anomalies.push({ fromMs, toMs: fromMs + minutes * MINUTE_MS });
      startMs += (48 + 11 * ((k * 7) % 5)) * HOUR_MS;
    }
    return {
      name: `synthetic/${index}`,
      kind: 'count',
      windowMs: SYNTHETIC_WINDOW_MS,
      points: values.map((value, i) => ({
        toMs: SYNTHETIC_START_MS + (i + 1) * SYNTHETIC_WINDOW_MS,
        value,
      })),
      anomalies,
    };
  });
}
