import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import { ROLLUP_UNITS } from '../../src/core/schema/rollup-definitions.ts';
import { migrate } from '../../src/storage/migrations/migrate.ts';
import { floorTo, type TimeRange } from '../../src/storage/queries/query-range.ts';
import { DEFAULT_RETENTION } from '../../test/support/default-retention.ts';
import { ExternalQuestdb } from '../../test/support/external-questdb.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { type Cycle, makeCycles } from './export-cycles.ts';
import { LiveServices } from './live-services.ts';
import { makeSeries, type Series } from './metric-series.ts';
import { fillJobsAndHealth, fillMetrics, waitForWal, writeTemplates } from './write-history.ts';

/** On a busy machine. */
const ROLLUP_TIMEOUT_MS = 20 * MINUTE_MS;
/** Time for the services to start. */
const START_DELAY_MS = 5000;

export interface ServiceFleetOptions {
  readonly requestSeries: number;
  /** How much of the past has a point of each series every 30 s. */
  readonly rawMs: number;
  /** How much has one every hour. */
  readonly days: number;
  readonly say: (line: string) => void;
}

/** A QuestDB with the rows of many services, which go on exporting. */
export class ServiceFleet {
  readonly questdb = new ExternalQuestdb();
  readonly series: readonly Series[];
  readonly cycles: readonly Cycle[];
  readonly #options: ServiceFleetOptions;
  /** Of whole minutes, in which every series has a point every 30 s. */
  readonly history: TimeRange;
  #live: LiveServices | undefined;

  constructor(options: ServiceFleetOptions) {
    this.#options = options;
    const toMs = floorTo(Date.now(), MINUTE_MS);
    this.history = { fromMs: toMs - options.rawMs, toMs };
    this.series = makeSeries(options.requestSeries);
    this.cycles = makeCycles(this.series);
  }

  /** Makes the past, and lets the services begin. */
  async start(): Promise<void> {
    const { days, say } = this.#options;
    const { questdb, history: past } = this;
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    await writeTemplates(questdb, this.cycles);
    const fromMs = past.toMs - days * DAY_MS;
    say(`a point of each hour of ${days} days …`);
    await fillMetrics(questdb, fromMs, past.fromMs, HOUR_MS);
    await fillJobsAndHealth(questdb, fromMs, past.fromMs, HOUR_MS);
    say(`a point every 30 s of ${(past.toMs - past.fromMs) / HOUR_MS} h …`);
    await fillMetrics(questdb, past.fromMs, past.toMs);
    const liveMs = Date.now() + START_DELAY_MS;
    await this.startServices(1, liveMs);
    await fillMetrics(questdb, past.toMs, liveMs);
    await fillJobsAndHealth(questdb, past.fromMs, liveMs + HOUR_MS);
    say('roll-ups …');
    await waitForWal(this.questdb);
    await waitForRollups(this.questdb);
  }

  /** Starts `instances` processes of each service. */
  async startServices(instances: number, fromMs: number, flushIntervalMs = 30_000): Promise<void> {
    const { target, folder } = this.questdb;
    const { requestSeries } = this.#options;
    const spoolDir = `${folder}/spool`;
    const options = { target, spoolDir, instances, fromMs, flushIntervalMs, requestSeries };
    this.#live = new LiveServices(options);
    await this.#live.ready();
  }

  /** Ends the services' processes. */
  async stopServices() {
    const report = await this.#live?.stop();
    this.#live = undefined;
    return report;
  }

  /** Rows of every table and roll-up. */
  async rowCounts(): Promise<Record<string, number>> {
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

const VIEWS_SQL =
  'SELECT view_name, base_table_txn, refresh_base_table_txn, view_status FROM materialized_views()';

/** Waits until the roll-ups have all rows of now; more are coming all the time. */
async function waitForRollups(questdb: ExternalQuestdb): Promise<void> {
  // The finest first: each is summed from the one before.
  for (const unit of Object.keys(ROLLUP_UNITS)) {
    await waitForWal(questdb);
    const views = (await questdb.sql(VIEWS_SQL)).filter(([name]) =>
      String(name).endsWith(`_${unit}`),
    );
    for (const [name] of views) await questdb.sql(`REFRESH MATERIALIZED VIEW ${name} INCREMENTAL`);
    const wanted = new Map(views.map(([name, txn]) => [name, Number(txn)]));
    await waitFor(async () => {
      const now = await questdb.sql(VIEWS_SQL);
      const late = now.filter(([name, , has]) => Number(has) < (wanted.get(name) ?? 0));
      const invalid = now.filter(([, , , status]) => status === 'invalid');
      if (invalid.length > 0) throw new Error(`${invalid[0]?.[0]} is invalid`);
      return late.length === 0;
    }, ROLLUP_TIMEOUT_MS);
  }
}
