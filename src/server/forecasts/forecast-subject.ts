import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../core/duration.ts';

export const FORECAST_KINDS = [
  'disk',
  'memory',
  'pool',
  'queue',
  'requestRate',
  'errorBudget',
] as const;
/** What is forecast: something with a limit that would cause failures. */
export type ForecastKind = (typeof FORECAST_KINDS)[number];

/** One series that has a forecast, such as the disk of one host. */
export interface ForecastSubject {
  /** Derived from the kind and the labels, so it is the same after a restart. */
  readonly id: string;
  readonly kind: ForecastKind;
  /** Dimensions of the series, such as `host`. */
  readonly labels: Readonly<Record<string, string>>;
  /** For people, such as `Disk of host web-1`. */
  readonly name: string;
  /** Unit of the values (UCUM). */
  readonly unit: string;
}

/** Grid and horizons of the forecasts of one kind. */
interface ForecastGrid {
  readonly stepMs: number;
  /** Length of the values that are read. */
  readonly historyMs: number;
  /** Tested horizons in ms, in ascending order. The last is the length of the forecast. */
  readonly horizonsMs: readonly number[];
  /** Length of the values that a forecast needs. */
  readonly minHistoryMs: number;
  /** Lengths of the seasons, in ms. */
  readonly periodsMs: readonly number[];
}

/** For values that change over days. */
export const HOURLY_GRID: ForecastGrid = {
  stepMs: HOUR_MS,
  historyMs: 28 * DAY_MS,
  horizonsMs: [HOUR_MS, 6 * HOUR_MS, DAY_MS, 3 * DAY_MS, 7 * DAY_MS],
  minHistoryMs: 2 * DAY_MS,
  periodsMs: [DAY_MS, 7 * DAY_MS],
};
/** For values that change over hours. */
const TEN_MINUTE_GRID: ForecastGrid = {
  stepMs: 10 * MINUTE_MS,
  historyMs: 7 * DAY_MS,
  horizonsMs: [10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS],
  minHistoryMs: 12 * HOUR_MS,
  periodsMs: [DAY_MS],
};

export interface KindDefinition {
  readonly grid: ForecastGrid;
  /** Whether the values grow until a clean-up or a restart. */
  readonly accumulates: boolean;
  /** For titles. */
  readonly title: string;
}

export const KIND_DEFINITIONS: Readonly<Record<ForecastKind, KindDefinition>> = {
  disk: { grid: HOURLY_GRID, accumulates: true, title: 'Disk' },
  memory: { grid: HOURLY_GRID, accumulates: true, title: 'Memory' },
  pool: { grid: TEN_MINUTE_GRID, accumulates: false, title: 'Connection pools' },
  queue: { grid: TEN_MINUTE_GRID, accumulates: false, title: 'Queues' },
  requestRate: { grid: HOURLY_GRID, accumulates: false, title: 'Request rate' },
  errorBudget: { grid: HOURLY_GRID, accumulates: true, title: 'Error budgets' },
};
