import { MINUTE_MS } from '../../../core/duration.ts';
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { floorTo } from '../../../storage/queries/time-range.ts';
import type { AnomalyBands } from '../../anomalies/anomaly-bands.ts';
import { type BandMeasure, isRate, toSeriesKey } from '../../anomalies/band-measure.ts';
import { formatDeploy, formatLearned } from '../../anomalies/band-texts.ts';
import type { MeasureBands } from '../../anomalies/history/measure-bands.ts';
import { type Judgement, judgeValue } from '../../anomalies/judge-value.ts';
import { SENSITIVITIES } from '../../anomalies/model/band.ts';
import type { WatchedMeasure } from '../../anomalies/service/anomaly-service.ts';
import { type Observation, toLabels, type WaitingForData } from '../evaluation/observation.ts';
import type { AlertRule, AnomalyMeasure, Measure } from '../rules/alert-rule.ts';
import { getMeasureUnit } from '../rules/rule-aggregates.ts';
import type { RuleQueryCache } from './rule-query-cache.ts';

/** Returns the measure whose values an anomaly rule watches. Returns other measures unchanged. */
export function toWatchedMeasure(measure: Measure): Measure {
  const { anomaly } = measure;
  return anomaly ? { ...measure, aggregate: anomaly.of, anomaly: undefined } : measure;
}

/** Returns the series whose normal values an anomaly rule needs. */
export function toBandMeasure(
  { type, filter, groupBy }: Measure,
  of: AnomalyMeasure['of'],
): BandMeasure {
  return { type: type ?? 'QUEUE_DEPTH', aggregate: of, filter, groupBy, scope: UNRESTRICTED_SCOPE };
}

/**
 * Returns how far each group is from its normal values, in robust standard deviations. Groups wait while their normal
 * values aren't known.
 *
 * @param queryMeasure returns the values of the watched aggregate
 */
export async function queryAnomalies(
  measure: Measure,
  cache: RuleQueryCache,
  queryMeasure: (measure: Measure, cache: RuleQueryCache) => Promise<Observation[]>,
): Promise<Observation[]> {
  const { anomaly, windowMs } = measure;
  const { bands: store, now } = cache;
  if (!anomaly || !store) return [];
  const watched = toWatchedMeasure(measure);
  const bands = store.watch(toBandMeasure(measure, anomaly.of), windowMs, now);
  const found = await queryMeasure(watched, cache);
  const missing = isRate(anomaly.of) ? await listMissingRates(watched, bands, found, cache) : [];
  return Promise.all(
    [...found, ...missing].map((observation) =>
      toAnomaly(observation, watched, anomaly, bands, store, now),
    ),
  );
}

async function toAnomaly(
  observation: Observation,
  watched: Measure,
  anomaly: AnomalyMeasure,
  bands: MeasureBands,
  store: AnomalyBands,
  now: number,
): Promise<Observation> {
  const { labels, value, count } = observation;
  if (value === undefined) return observation;
  const judged = judgeValue(bands, toSeriesKey(watched.groupBy, labels), {
    aggregate: anomaly.of,
    value,
    count,
    toMs: now,
    windowMs: watched.windowMs,
    sensitivity: anomaly.sensitivity,
  });
  const { distance, range } = judged;
  const base = { ...observation, bounds: undefined };
  if (distance === undefined) return { ...base, value: 0, waiting: toWaiting(judged) };
  const sided = toSide(distance, anomaly.direction);
  if (!range || sided <= SENSITIVITIES.high) return { ...base, value: sided };
  const deploy = await store.findDeploy(labels.service, now);
  const format = createFormat(watched);
  const about = `${anomaly.of} is ${format(value)}, usually ${format(range.lower)} to ${format(range.upper)} at this time`;
  const learned = judged.band ? ` (${formatLearned(judged.band.model, store.timeZone)})` : '';
  const since = deploy ? `; ${formatDeploy(deploy, store.timeZone)}` : '';
  return { ...base, value: sided, context: `${about}${learned}${since}` };
}

function toWaiting({ problem }: Judgement): WaitingForData {
  const { haveMs = 0, neededMs = 0, text } = problem ?? {};
  return { reason: 'band', haveMs, neededMs, detail: text };
}

function toSide(distance: number, direction: AnomalyMeasure['direction']): number {
  if (direction === 'both') return Math.abs(distance);
  return direction === 'above' ? distance : -distance;
}

function createFormat(watched: Measure): (value: number) => string {
  switch (getMeasureUnit(watched)) {
    case 'ms':
      return formatDuration;
    case '%':
      return (value) => formatPercent(value);
    case 'By':
      return formatBytes;
    case '1/min':
      return (value) => `${formatNumber(value)} per minute`;
    default:
      return formatNumber;
  }
}

/**
 * Returns observations of 0 for known groups without rows in the window, if their service sends other data. A service
 * that sends nothing isn't running, which other rules report.
 */
async function listMissingRates(
  watched: Measure,
  bands: MeasureBands,
  found: readonly Observation[],
  cache: RuleQueryCache,
): Promise<Observation[]> {
  const known = new Set(found.map(({ labels }) => toSeriesKey(watched.groupBy, labels)));
  const missing = [...bands.bands.values()].filter(
    ({ history, model }) => !known.has(history.key) && model.problem === undefined,
  );
  if (missing.length === 0) return [];
  const running = await cache.metricSums({
    type: undefined,
    filter: {},
    groupBy: ['service'],
    windowMs: watched.windowMs,
  });
  const services = new Set(running.map(({ group }) => group.service));
  const newestMs = floorTo(cache.now, MINUTE_MS);
  return missing.flatMap(({ history: { group } }) =>
    services.size > 0 && (group.service === undefined || services.has(group.service))
      ? [{ labels: toLabels(group), value: 0, count: 0, newestMs }]
      : [],
  );
}

/** Returns the measures of the rules about anomalies. */
export function listWatchedMeasures(rules: readonly AlertRule[]): WatchedMeasure[] {
  return rules.flatMap(({ name, source }) => {
    if (source.kind !== 'measure' || !source.anomaly) return [];
    const { of, sensitivity } = source.anomaly;
    const measure = toBandMeasure(source, of);
    return [{ rule: name, measure, windowMs: source.windowMs, sensitivity }];
  });
}
