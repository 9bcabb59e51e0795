import { HOUR_MS, MINUTE_MS } from '../../core/duration.ts';
import type { MetricBandRow } from '../../core/schema/tables/metric-bands-table.ts';
import { toMeasureKey } from './band-measure.ts';
import type { MeasureBands } from './history/measure-bands.ts';
import { judgeValue } from './judge-value.ts';
import { DEFAULT_SENSITIVITY } from './model/band.ts';

/** Windows of alert rules are usually this long. */
const WINDOW_MS = 5 * MINUTE_MS;

/** Returns the rows of all series of a measure, for the current hour and the next one. */
export function toBandRows(bands: MeasureBands, now: number): MetricBandRow[] {
  const { measure } = bands;
  const hourMs = Math.floor(now / HOUR_MS) * HOUR_MS;
  const measureKey = toMeasureKey(measure);
  return [...bands.bands.values()].flatMap(({ history: { key, group } }) =>
    [hourMs, hourMs + HOUR_MS].map((timestamp) => {
      const { range, problem } = judgeValue(bands, key, {
        aggregate: measure.aggregate,
        value: undefined,
        toMs: timestamp + HOUR_MS / 2,
        windowMs: bands.shortestWindowMs ?? WINDOW_MS,
        sensitivity: DEFAULT_SENSITIVITY,
      });
      return {
        timestamp,
        series: `${measureKey} ${key}`,
        organizationId: group.organization ?? getOnly(measure.filter.organization),
        propertyId: group.property ?? getOnly(measure.filter.property),
        metricType: measure.type,
        aggregate: measure.aggregate,
        service: group.service ?? getOnly(measure.filter.service),
        environment: group.environment ?? getOnly(measure.filter.environment),
        endpoint: group.endpoint ?? group.queue ?? getOnly(measure.filter.endpoint),
        operation: group.operation ?? getOnly(measure.filter.operation),
        lower: range?.lower,
        expected: range?.expected,
        upper: range?.upper,
        status: problem?.status ?? 'ready',
        reason: problem?.text,
      };
    }),
  );
}

/** Returns the only name of a filter. */
function getOnly(names: readonly string[] | undefined): string | undefined {
  return names?.length === 1 ? names[0] : undefined;
}
