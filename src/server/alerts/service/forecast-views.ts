import type { Labels } from '../../../core/alerts/alert.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { ForecastStatus } from '../../forecasts/forecast.ts';
import type { ForecastMethodName } from '../../forecasts/forecast-methods.ts';
import type { ForecastKind } from '../../forecasts/forecast-subject.ts';

/** Selects forecasts. A forecast must match one value of each filter. */
export interface ForecastFilter {
  readonly kind?: readonly ForecastKind[] | undefined;
  readonly status?: readonly ForecastStatus[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly host?: readonly string[] | undefined;
}

/** Median absolute errors of past forecasts. `horizon` is in ms. */
interface HorizonErrorView {
  readonly horizon: number;
  readonly forecasts: number;
  readonly error: number;
  readonly naive: number;
  readonly seasonalNaive: number | undefined;
}

/** The forecast for one subject. Durations are in ms. */
export interface ForecastView {
  readonly id: string;
  readonly kind: ForecastKind;
  readonly subject: string;
  readonly labels: Labels;
  readonly unit: string;
  readonly status: ForecastStatus;
  readonly reason: string | undefined;
  readonly value: number | undefined;
  readonly limit: number | undefined;
  /** How the limit was found, or why it is unknown. */
  readonly limitReason: string | undefined;
  readonly slopePerDay: number | undefined;
  readonly limitAt: Date | undefined;
  readonly earliestAt: Date | undefined;
  readonly latestAt: Date | undefined;
  readonly timeToLimit: number | undefined;
  /** Whether alerts use the forecast. */
  readonly reliable: boolean;
  readonly method: ForecastMethodName | undefined;
  readonly horizon: number | undefined;
  readonly errors: readonly HorizonErrorView[];
  readonly learnedFrom: Date | undefined;
  readonly learnedTo: Date | undefined;
  readonly count: number | undefined;
  readonly spikes: number | undefined;
  readonly drops: number | undefined;
  /** Length of the missing values. Only while waiting. */
  readonly missing: number | undefined;
  readonly computedAt: Date;
  readonly alert: ForecastAlertView | undefined;
}

/** The alert about a subject with the highest severity. */
export interface ForecastAlertView {
  readonly id: string;
  readonly rule: string;
  readonly severity: AlertSeverity;
}

interface ForecastListView {
  /** The subjects that reach their limit first come first. */
  readonly forecasts: readonly ForecastView[];
  /** Time of the last update. Undefined until the first update after a start. */
  readonly updatedAt: Date | undefined;
  /** Why the last update failed. */
  readonly problem: string | undefined;
}

/** Measured values and the forecast of one subject. */
interface ForecastDetailView {
  readonly forecast: ForecastView;
  readonly history: readonly { readonly at: Date; readonly value: number }[];
  readonly points: readonly {
    readonly at: Date;
    readonly value: number;
    readonly lower: number;
    readonly upper: number;
  }[];
}

export interface ForecastService {
  /** Lists the forecasts that are visible in the scope. Tenants see only their error budgets. */
  listForecasts(filter: ForecastFilter, scope: TenantScope): Promise<ForecastListView>;
  /**
   * Returns the forecast of a subject with its values.
   *
   * @throws PS_NOT_FOUND if there is no such forecast in the scope
   */
  getForecast(id: string, scope: TenantScope): Promise<ForecastDetailView>;
}
