import { DAY_MS, HOUR_MS } from '../../core/duration.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { ForecastRow } from '../../core/schema/tables/forecasts-table.ts';
import { floorTo } from '../../storage/queries/time-range.ts';
import type { SubjectForecast } from './forecast-monitor.ts';

/** Writes the forecasts to the table `forecasts` once per hour, so that they can be compared with what happened. */
export class ForecastRecorder {
  readonly #add: AddRows;
  /** The hour of the last row, by subject. */
  readonly #recorded = new Map<string, number>();

  constructor(add: AddRows) {
    this.#add = add;
  }

  /** Adds a row for each forecast whose subject has no row in this hour. */
  record(forecasts: readonly SubjectForecast[], now: number): void {
    const hour = floorTo(now, HOUR_MS);
    const due = forecasts.filter(({ subject }) => this.#recorded.get(subject.id) !== hour);
    for (const { subject } of due) this.#recorded.set(subject.id, hour);
    for (const [id, at] of this.#recorded) if (hour - at > DAY_MS) this.#recorded.delete(id);
    if (due.length > 0) this.#add('forecasts', due.map(toForecastRow));
  }
}

function toForecastRow({
  subject,
  forecast,
  computedMs,
  limitReason,
}: SubjectForecast): ForecastRow {
  const { labels } = subject;
  const last = forecast.points?.at(-1);
  const error = forecast.errors?.at(-1);
  return {
    timestamp: computedMs,
    kind: subject.kind,
    status: forecast.status,
    method: forecast.method,
    service: labels.service,
    host: labels.host,
    queueName: labels.queue,
    organizationId: labels.organization,
    propertyId: labels.property,
    subjectId: subject.id,
    subject: subject.name,
    labels: JSON.stringify(labels),
    unit: subject.unit,
    value: forecast.value,
    limitValue: forecast.limit,
    slopePerDay: forecast.slopePerDay,
    limitAt: forecast.expectedMs,
    earliestAt: forecast.earliestMs,
    latestAt: forecast.latestMs,
    predictedFor: last?.atMs,
    predicted: last?.value,
    predictedLower: last?.lower,
    predictedUpper: last?.upper,
    horizon: forecast.horizonMs,
    error: error?.error,
    naiveError: error?.naive,
    reason: forecast.reason ?? limitReason,
  };
}
