import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import { migrate } from '../../src/storage/migrations/migrate.ts';
import { floorTo, type TimeRange } from '../../src/storage/queries/time-range.ts';
import { DEFAULT_RETENTION } from '../../test/support/default-retention.ts';
import { ExternalQuestdb } from '../../test/support/external-questdb.ts';
import { waitForRollups } from '../../test/support/wait-for-rollups.ts';
import { type Cycle, makeCycles } from './export-cycles.ts';
import { LiveServices } from './live-services.ts';
import { makeSeries, type Series } from './metric-series.ts';
import { fillJobsAndHealth, fillMetrics, writeTemplates } from './write-history.ts';

/** Long enough for a busy machine. */
const ROLLUP_TIMEOUT_MS = 20 * MINUTE_MS;
/** Time for the services to start. */
const START_DELAY_MS = 5000;

export interface ServiceFleetOptions {
  readonly requestSeries: number;
  /** Length of the history with one point per series every 30 s, in ms. */
  readonly rawMs: number;
  /** Length of the history with one point per series every hour, in days. */
  readonly days: number;
  readonly log: (line: string) => void;
}

/** A QuestDB with the history of many services, which continue to export. */
export class ServiceFleet {
  readonly questdb = new ExternalQuestdb();
  readonly series: readonly Series[];
  readonly cycles: readonly Cycle[];
  readonly #options: ServiceFleetOptions;
  /** Range in which every series has a point every 30 s. The bounds are whole minutes. */
  readonly history: TimeRange;
  #live: LiveServices | undefined;

  constructor(options: ServiceFleetOptions) {
    this.#options = options;
    const toMs = floorTo(Date.now(), MINUTE_MS);
    this.history = { fromMs: toMs - options.rawMs, toMs };
    this.series = makeSeries(options.requestSeries);
    this.cycles = makeCycles(this.series);
  }

  /** Creates the history and starts the services. */
  async start(): Promise<void> {
    const { days, log } = this.#options;
    const { questdb, history } = this;
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    await writeTemplates(questdb, this.cycles);
    const fromMs = history.toMs - days * DAY_MS;
    log(`writing one point per hour for ${days} days …`);
    await fillMetrics(questdb, fromMs, history.fromMs, HOUR_MS);
    await fillJobsAndHealth(questdb, fromMs, history.fromMs, HOUR_MS);
    log(`writing one point per 30 s for ${(history.toMs - history.fromMs) / HOUR_MS} h …`);
    await fillMetrics(questdb, history.fromMs, history.toMs);
    const liveMs = Date.now() + START_DELAY_MS;
    await this.startServices(1, liveMs);
    await fillMetrics(questdb, history.toMs, liveMs);
    await fillJobsAndHealth(questdb, history.fromMs, liveMs + HOUR_MS);
    log('waiting for the roll-ups …');
    await waitForRollups(this.questdb, ROLLUP_TIMEOUT_MS);
  }

  /** Starts `instances` processes per service. */
  async startServices(instances: number, fromMs: number, flushIntervalMs = 30_000): Promise<void> {
    const { target, folder } = this.questdb;
    const { requestSeries } = this.#options;
    const spoolDir = `${folder}/spool`;
    const options = { target, spoolDir, instances, fromMs, flushIntervalMs, requestSeries };
    this.#live = new LiveServices(options);
    await this.#live.ready();
  }

  /** Stops the services. Returns their report, or `undefined` if none were running. */
  async stopServices() {
    const report = await this.#live?.stop();
    this.#live = undefined;
    return report;
  }

  /** Counts the rows of each table and roll-up. */
  async countRows(): Promise<Record<string, number>> {
    const names = await this.questdb.sql(
      "SELECT table_name FROM tables() WHERE table_name ~ '^(performance_metrics|metric_buckets|queue_metrics|system_health)'",
    );
    const counts: Record<string, number> = {};
    for (const [name] of names.toSorted()) {
      const [[count] = []] = await this.questdb.sql(`SELECT count() FROM ${name}`);
      counts[`rows ${name}`] = Number(count);
    }
    return counts;
  }

  async remove(): Promise<void> {
    this.#live?.kill();
    await this.questdb.remove();
  }
}
