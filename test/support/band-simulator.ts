import { HOUR_MS } from '../../src/core/duration.ts';
import {
  SeriesHistory,
  StepRing,
  WINDOW_HISTORY_HOURS,
} from '../../src/server/anomalies/history/series-history.ts';
import { computeWindowDifferences } from '../../src/server/anomalies/history/window-differences.ts';
import {
  computeDistance,
  findBandProblem,
  locateBand,
} from '../../src/server/anomalies/model/band.ts';
import {
  type BandError,
  isUnreliable,
  measureBandError,
} from '../../src/server/anomalies/model/band-error.ts';
import { type BandModel, fitBand } from '../../src/server/anomalies/model/fit-band.ts';
import type { ValueKind } from '../../src/server/anomalies/model/value-scale.ts';
import type { WeekCalendar } from '../../src/server/anomalies/model/week-hours.ts';
import {
  fitWindowSpread,
  type WindowSpread,
} from '../../src/server/anomalies/model/window-spread.ts';

export interface SimulatedPoint {
  /** End of the window, in ms since the epoch. */
  readonly toMs: number;
  /** `NaN` without a value. */
  readonly value: number;
}

export interface SimulatedJudgement {
  /** Distance in robust standard deviations. Undefined without a band. */
  readonly distance: number | undefined;
  readonly reason: string | undefined;
}

/**
 * Judges the windows of one series in order, as the server does: the bands are learned again after each hour, and only
 * from earlier values.
 */
export class BandSimulator {
  readonly #kind: ValueKind;
  readonly #windowMs: number;
  readonly #calendar: WeekCalendar;
  readonly #history: SeriesHistory;
  readonly #windows: StepRing;
  #sum = 0;
  #count = 0;
  #model: BandModel | undefined;
  #error: BandError | undefined;
  #spread: WindowSpread | undefined;
  #fits = 0;

  constructor(kind: ValueKind, windowMs: number, calendar: WeekCalendar, startMs: number) {
    this.#kind = kind;
    this.#windowMs = windowMs;
    this.#calendar = calendar;
    this.#history = new SeriesHistory('', {}, Math.floor(startMs / HOUR_MS));
    const size = Math.ceil((WINDOW_HISTORY_HOURS * HOUR_MS) / windowMs);
    this.#windows = new StepRing(size, Math.floor(startMs / windowMs));
  }

  judge({ toMs, value }: SimulatedPoint): SimulatedJudgement {
    const hour = Math.floor((toMs - 1) / HOUR_MS);
    if (hour >= this.#history.hours.end) this.#learn(hour);
    const step = Math.floor((toMs - 1) / this.#windowMs);
    this.#windows.advance(step + 1);
    this.#windows.set(step, value);
    if (Number.isFinite(value)) {
      this.#sum += value;
      this.#count += 1;
    }
    const model = this.#model;
    if (!model) return { distance: undefined, reason: 'loading' };
    const problem = findBandProblem(model, this.#calendar, toMs - this.#windowMs / 2);
    if (problem) return { distance: undefined, reason: problem.reason };
    if (this.#error && isUnreliable(this.#error)) {
      return { distance: undefined, reason: 'unreliable' };
    }
    const window = { toMs, windowMs: this.#windowMs, spread: this.#spread };
    const position = locateBand(model, this.#calendar, window);
    return { distance: computeDistance(model, position, value), reason: undefined };
  }

  /** The newest band. */
  get model(): BandModel | undefined {
    return this.#model;
  }

  /** Stores the hours before `hour`, and learns the band. */
  #learn(hour: number): void {
    const { hours } = this.#history;
    const last = hours.end;
    hours.advance(hour);
    // The collected values are from the hour before the end of the ring.
    if (this.#count > 0) hours.set(this.#collectedHour ?? last, this.#sum / this.#count);
    this.#collectedHour = hour;
    this.#sum = 0;
    this.#count = 0;
    const input = { kind: this.#kind, values: hours.toArray(), endHour: hour };
    this.#model = fitBand(input, this.#calendar);
    if (this.#fits % 24 === 0) this.#error = measureBandError(input, this.#calendar);
    this.#fits += 1;
    this.#spread = fitWindowSpread(
      computeWindowDifferences(this.#windows, this.#windowMs, hours, this.#model.scale),
    );
  }

  #collectedHour: number | undefined;
}
