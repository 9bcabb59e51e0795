import type { Labels } from '../../../core/alerts/alert.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import { ForecastMonitor, type ForecastMonitorOptions } from '../../forecasts/forecast-monitor.ts';
import { ForecastRecorder } from '../../forecasts/forecast-recorder.ts';
import type { ForecastKind } from '../../forecasts/forecast-subject.ts';
import {
  explainForecast,
  getTimeToLimit,
  toForecastLabels,
} from '../../forecasts/observe-forecasts.ts';
import type { QueueLimits } from '../../forecasts/read-limits.ts';
import { type Observation, toLabelsKey } from '../evaluation/observation.ts';
import type { AlertRule } from '../rules/alert-rule.ts';

/**
 * Creates the monitor of all forecasts. It also writes them to the table `forecasts`.
 *
 * @param getRules returns the current rules, whose thresholds are the limits of queues
 */
export function createForecastMonitor(
  {
    queryClient,
    log,
    timeZone,
    add,
  }: Omit<ForecastMonitorOptions, 'getQueueLimits'> & { readonly add: AddRows },
  getRules: () => readonly AlertRule[],
): ForecastMonitor {
  const recorder = new ForecastRecorder(add);
  return new ForecastMonitor({
    queryClient,
    log,
    timeZone,
    getQueueLimits: () => findQueueLimits(getRules()),
    onRefreshed: (forecasts, at) => recorder.record(forecasts, at),
  });
}

/** Returns the times until the limits of all subjects of a kind, in ms. Subjects without enough values are waiting. */
export function observeForecasts(
  monitor: ForecastMonitor,
  kind: ForecastKind,
  now: number,
): Observation[] {
  return monitor.list(kind).map((entry) => {
    const { forecast } = entry;
    return {
      labels: toForecastLabels(entry),
      value: getTimeToLimit(forecast, now),
      count: forecast.count ?? 0,
      newestMs: now,
      waiting: forecast.waiting && { reason: 'forecast', ...forecast.waiting },
    };
  });
}

/** Returns the evidence of the forecast that an alert is about. */
export function explainForecastAlert(
  monitor: ForecastMonitor,
  labels: Labels,
  now: number,
): string | undefined {
  const key = toLabelsKey(labels);
  const found = monitor.list().find((entry) => toLabelsKey(toForecastLabels(entry)) === key);
  return found && explainForecast(found, now);
}

/** Returns the highest thresholds of the rules about the depth and the oldest job of all queues. */
function findQueueLimits(rules: readonly AlertRule[]): QueueLimits {
  const find = (aggregate: 'depth' | 'oldest_age') => {
    const limits = rules.flatMap(({ source, levels }) =>
      source.kind === 'measure' &&
      source.aggregate === aggregate &&
      Object.keys(source.filter).length === 0
        ? (levels.at(-1)?.threshold ?? [])
        : [],
    );
    return limits.length > 0 ? Math.max(...limits) : undefined;
  };
  return { depth: find('depth'), oldestAgeMs: find('oldest_age') };
}
