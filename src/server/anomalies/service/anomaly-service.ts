import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { Group } from '../../../storage/queries/query-definition.ts';
import type { Step } from '../../../storage/queries/time-buckets.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { ScanClient } from '../../../storage/questdb/query-client.ts';
import type { AnomalyBands } from '../anomaly-bands.ts';
import { type BandMeasure, isRate } from '../band-measure.ts';
import { formatDeploy, formatLearned } from '../band-texts.ts';
import type { SeriesBand } from '../history/measure-bands.ts';
import { readBandValues } from '../history/read-band-values.ts';
import { type Judgement, judgeValue } from '../judge-value.ts';
import {
  type BandRange,
  DEFAULT_SENSITIVITY,
  SENSITIVITIES,
  type Sensitivity,
} from '../model/band.ts';
import { EXPECTED_SHARES } from '../model/band-error.ts';
import type { BandReason, BandStatus } from '../model/band-problem.ts';
import { type BandPoint, listBandPoints } from './band-points.ts';

/** What is known about the normal values of a series. */
export interface BandState {
  readonly status: BandStatus;
  /** Why there is no band. */
  readonly reason: BandReason | undefined;
  /** The reason, or what the band was learned from, as a sentence without a period. */
  readonly text: string;
  /** What limits the band although it exists. */
  readonly note: string | undefined;
  readonly learnedFrom: Date | undefined;
  readonly learnedTo: Date | undefined;
  /** Number of hours with a value. */
  readonly values: number;
  /** Since when the level differs, if it changed in the last days. */
  readonly shiftedSince: Date | undefined;
  /** The error of the band in the last seven days. Undefined without enough data. */
  readonly error: BandErrorView | undefined;
  /** Number of series that were left out because of the limit. */
  readonly omittedSeries: number;
}

/** How often hourly values of the past were outside of a band that was learned before them. */
interface BandErrorView {
  readonly hours: number;
  readonly outside: number;
  /** In percent. */
  readonly share: number;
  /** Share of a normal distribution, in percent. */
  readonly expectedShare: number;
}

export interface BandView extends BandState {
  readonly points: readonly BandPoint[];
}

/** A measure, and the rule that watches it. */
export interface WatchedMeasure {
  readonly rule: string | undefined;
  readonly measure: BandMeasure;
  readonly windowMs: number;
  readonly sensitivity: Sensitivity;
}

/** The newest value of a series, compared with its band. */
export interface AnomalyView extends BandState, Partial<BandRange> {
  readonly measure: BandMeasure;
  readonly rule: string | undefined;
  readonly sensitivity: Sensitivity;
  readonly group: Group;
  readonly window: TimeRange;
  readonly value: number | undefined;
  /** In robust standard deviations. Positive above the band's center. */
  readonly distance: number | undefined;
  readonly isOutside: boolean;
  /** The deploy before the anomaly, in words. */
  readonly deploy: string | undefined;
}

export interface AnomalyServiceOptions {
  readonly bands: AnomalyBands;
  readonly queryClient: ScanClient;
  /** Returns the measures of the rules about anomalies. */
  readonly getWatched: () => readonly WatchedMeasure[];
}

/** Rows of the newest window arrive within this time. */
const SETTLE_MS = 30_000;
const DEFAULT_WINDOW_MS = 5 * MINUTE_MS;

/** Draws bands, and lists the series that are outside of their bands. */
export class AnomalyService {
  readonly #options: AnomalyServiceOptions;

  constructor(options: AnomalyServiceOptions) {
    this.#options = options;
  }

  /**
   * Returns the band of one series: all rows that match the measure.
   *
   * @param measure without groups
   * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG
   */
  async getBand(
    measure: BandMeasure,
    range: TimeRange,
    step: Step,
    sensitivity: Sensitivity,
    now: number,
  ): Promise<BandView> {
    const { bands: store } = this.#options;
    const windowMs = Math.min(step.ms, HOUR_MS);
    const bands = await store.load(measure, windowMs, now);
    const [band] = bands.bands.values();
    const key = band?.history.key ?? '';
    const { aggregate } = measure;
    const judged = judgeValue(bands, key, {
      ...{ aggregate, sensitivity, windowMs },
      value: undefined,
      toMs: now,
    });
    const isUsable = band !== undefined && judged.problem?.reason !== 'unreliable';
    const points = isUsable ? listBandPoints(band, { aggregate, range, step }, sensitivity) : [];
    return { ...this.#toState(judged, band, sensitivity, bands.leftOutCount), points };
  }

  /**
   * Compares the newest values of all series with their bands: the requests of each service, and the series of rules
   * about anomalies.
   *
   * @returns the series that are furthest outside first
   * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG, PS_REQUEST_TOO_LARGE
   */
  async list(scope: TenantScope, now: number): Promise<AnomalyView[]> {
    const isUnrestricted = scope.organizations === 'all' && scope.properties === 'all';
    // The filters of rules can contain names of other tenants.
    const watched = isUnrestricted ? this.#options.getWatched() : [];
    const views: AnomalyView[] = [];
    for (const each of [...watched, ...createDefaultMeasures(scope)])
      views.push(...(await this.#listMeasure(each, now)));
    return views.sort((a, b) => getRank(b) - getRank(a));
  }

  async #listMeasure(watched: WatchedMeasure, now: number): Promise<AnomalyView[]> {
    const { bands: store, queryClient } = this.#options;
    const { measure, windowMs, sensitivity, rule } = watched;
    const toMs = floorTo(now - SETTLE_MS, windowMs);
    const window = { fromMs: toMs - windowMs, toMs };
    const [bands, current] = await Promise.all([
      store.load(measure, windowMs, now),
      readBandValues(queryClient, measure, window, windowMs),
    ]);
    const values = new Map(current.series.map((each) => [each.key, each]));
    const isMeasured = current.series.length > 0;
    const views: AnomalyView[] = [];
    for (const [key, band] of bands.bands) {
      const found = values.get(key);
      // Without rows, a rate is 0 if other series have rows.
      const missing = isMeasured && isRate(measure.aggregate) ? 0 : undefined;
      const first = found?.values[0];
      const perMinute = first !== undefined && Number.isFinite(first) ? first : missing;
      const factor = measure.aggregate === 'count' ? windowMs / MINUTE_MS : 1;
      const value = perMinute === undefined ? undefined : factor * perMinute;
      const judged = judgeValue(bands, key, {
        ...{ aggregate: measure.aggregate, sensitivity, windowMs, toMs, value },
        count: found?.count,
      });
      const distance = judged.distance;
      const isOutside = distance !== undefined && Math.abs(distance) > SENSITIVITIES[sensitivity];
      const { group } = band.history;
      const deploy = isOutside ? await store.findDeploy(group.service, now) : undefined;
      views.push({
        ...this.#toState(judged, band, sensitivity, bands.leftOutCount),
        ...judged.range,
        ...{ measure, rule, sensitivity, group, window, value, distance, isOutside },
        deploy: deploy && formatDeploy(deploy, store.timeZone),
      });
    }
    return views;
  }

  #toState(
    { problem, note }: Judgement,
    band: SeriesBand | undefined,
    sensitivity: Sensitivity,
    omittedSeries: number,
  ): BandState {
    const { model, error } = band ?? {};
    const learned = model && formatLearned(model, this.#options.bands.timeZone);
    return {
      status: problem?.status ?? 'ready',
      reason: problem?.reason,
      text: problem?.text ?? learned ?? 'no values',
      note,
      learnedFrom: toDate(model?.fromMs),
      learnedTo: toDate(model?.toMs),
      values: model?.valueCount ?? 0,
      shiftedSince: toDate(model?.shift?.sinceMs),
      error: error && {
        hours: error.hours,
        outside: error.outside[sensitivity],
        share: (100 * error.outside[sensitivity]) / error.hours,
        expectedShare: EXPECTED_SHARES[sensitivity],
      },
      omittedSeries,
    };
  }
}

function toDate(ms: number | undefined): Date | undefined {
  return ms === undefined || Number.isNaN(ms) ? undefined : new Date(ms);
}

/** Series that are outside come first, then series with a band. */
function getRank({ isOutside, distance, status }: AnomalyView): number {
  if (isOutside) return 1e6 + Math.abs(distance ?? 0);
  return status === 'ready' ? Math.abs(distance ?? 0) : -1;
}

/** The rates, durations, and failures of the requests of each service. */
function createDefaultMeasures(scope: TenantScope): WatchedMeasure[] {
  return (['rate', 'p95', 'error_ratio'] as const).map((aggregate) => ({
    rule: undefined,
    measure: { type: 'API_RESPONSE_TIME', aggregate, filter: {}, groupBy: ['service'], scope },
    windowMs: DEFAULT_WINDOW_MS,
    sensitivity: DEFAULT_SENSITIVITY,
  }));
}
