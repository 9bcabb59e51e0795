import { DAY_MS, MINUTE_MS } from '../../src/core/duration.ts';
import type { LabeledSeries } from './labeled-series.ts';

/** Share of each file from which a detector can learn before its alerts count, as in the benchmark of Numenta. */
export const PROBATION_SHARE = 0.15;
/** An alert fires when this many windows in a row are outside. With windows of 5 minutes, this is `for: 10m`. */
const FIRING_WINDOWS = 2;
/** An alert ends after this time without a value outside. */
const QUIET_MS = 30 * MINUTE_MS;

export interface Score {
  readonly anomalies: number;
  readonly found: number;
  readonly alerts: number;
  /** Alerts that overlap no anomaly. */
  readonly falseAlerts: number;
  readonly weeks: number;
}

/**
 * Compares the alerts of a detector with the labels.
 *
 * @param outside whether each point is outside
 */
export function scoreAlerts(
  { points, anomalies, windowMs }: LabeledSeries,
  outside: readonly boolean[],
): Score {
  const first = Math.floor(PROBATION_SHARE * points.length);
  const startMs = points[first]!.toMs;
  const alerts: { fromMs: number; toMs: number }[] = [];
  let run = 0;
  for (let i = first; i < points.length; i++) {
    const { toMs } = points[i]!;
    run = outside[i] ? run + 1 : 0;
    if (run < FIRING_WINDOWS) continue;
    const last = alerts.at(-1);
    if (last && toMs - last.toMs <= QUIET_MS) last.toMs = toMs;
    else alerts.push({ fromMs: toMs - FIRING_WINDOWS * windowMs, toMs });
  }
  const scored = anomalies.filter(({ toMs }) => toMs > startMs);
  const overlaps = (a: { fromMs: number; toMs: number }, b: { fromMs: number; toMs: number }) =>
    a.fromMs < b.toMs && a.toMs > b.fromMs;
  return {
    anomalies: scored.length,
    found: scored.filter((each) => alerts.some((alert) => overlaps(alert, each))).length,
    alerts: alerts.length,
    falseAlerts: alerts.filter((alert) => !scored.some((each) => overlaps(alert, each))).length,
    weeks: (points.at(-1)!.toMs - startMs) / (7 * DAY_MS),
  };
}

export function addScores(scores: readonly Score[]): Score {
  const sum = (name: keyof Score) => scores.reduce((total, score) => total + score[name], 0);
  return {
    anomalies: sum('anomalies'),
    found: sum('found'),
    alerts: sum('alerts'),
    falseAlerts: sum('falseAlerts'),
    weeks: sum('weeks'),
  };
}
