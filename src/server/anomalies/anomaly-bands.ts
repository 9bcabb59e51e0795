import type { Logger } from '../../core/log.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import type { BandMeasure } from './band-measure.ts';
import { BandStore } from './band-store.ts';
import type { MeasureBands } from './history/measure-bands.ts';
import { type Holiday, HolidayCalendars } from './holidays.ts';
import { type RecentDeploy, RecentDeploys } from './recent-deploys.ts';
import { toBandRows } from './stored-bands.ts';

export interface AnomalyBandsOptions {
  readonly queryClient: ScanClient;
  /** IANA name of the zone whose hours of the week have similar values. Default: UTC. */
  readonly timeZone?: string | undefined;
  /** Stores the bands that rules watch, for dashboards. */
  readonly add: AddRows;
  readonly log: Logger;
  readonly startDelayMs?: number | undefined;
  readonly now?: () => number;
}

/** The normal values of all series, and the facts that explain deviations. */
export class AnomalyBands {
  readonly #calendars: HolidayCalendars;
  readonly #store: BandStore;
  readonly #deploys: RecentDeploys;
  readonly #log: Logger;
  readonly timeZone: string;

  constructor(options: AnomalyBandsOptions) {
    const { queryClient, timeZone = 'UTC', add, log, startDelayMs, now } = options;
    this.timeZone = timeZone;
    this.#log = log;
    this.#calendars = new HolidayCalendars(timeZone);
    this.#deploys = new RecentDeploys(queryClient);
    this.#store = new BandStore({
      client: queryClient,
      getCalendar: (organization) => this.#calendars.get(organization),
      log,
      onRefreshed: (bands, atMs) => add('metric_bands', toBandRows(bands, atMs)),
      ...(startDelayMs !== undefined && { startDelayMs }),
      ...(now && { now }),
    });
  }

  /** Number of series in memory. */
  get seriesCount(): number {
    return this.#store.seriesCount;
  }

  /** Sets the days on which nothing is expected. */
  setHolidays(holidays: readonly Holiday[]): void {
    if (this.#calendars.update(holidays)) this.#store.resetCalendars();
  }

  /** Returns the bands for a rule in their current state, and refreshes them in the background. */
  watch(measure: BandMeasure, windowMs: number, now: number): MeasureBands {
    return this.#store.watch(measure, windowMs, now);
  }

  /**
   * Returns the bands after they were read.
   *
   * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG, PS_REQUEST_TOO_LARGE
   */
  load(measure: BandMeasure, windowMs: number, now: number): Promise<MeasureBands> {
    return this.#store.load(measure, windowMs, now);
  }

  /** Returns the newest deploy of a service in the last six hours. Never rejects. */
  async findDeploy(service: string | undefined, now: number): Promise<RecentDeploy | undefined> {
    if (service === undefined) return undefined;
    try {
      return await this.#deploys.find(service, now);
    } catch (error) {
      this.#log.warn(`Failed to read the deploys of ${service}: ${String(error)}`);
      return undefined;
    }
  }

  /** Resolves when no refresh is running. */
  get whenIdle(): Promise<void> {
    return this.#store.whenIdle;
  }
}
