import { migrate } from '../../src/questdb/migrate.ts';
import { ROLLUP_UNITS } from '../../src/schema/rollup-units.ts';
import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS, type Range } from '../../src/windows/range.ts';
import { ForeignQuestdb } from '../../test/support/questdb.ts';
import { RETENTION } from '../../test/support/retention.ts';
import { until } from '../../test/support/until.ts';
import { type Cycle, makeCycles } from './cycles.ts';
import { applied, fill, fillOthers, writeTemplates } from './history.ts';
import { LiveServices } from './live-services.ts';
import { allSeries, type Series } from './series.ts';

/** On a busy machine. */
const MOST_MS = 20 * MINUTE_MS;
/** Time for the services to start. */
const AHEAD_MS = 5000;

export interface EstateOptions {
  readonly requestSeries: number;
  /** How much of the past has a point of each series every 30 s. */
  readonly rawMs: number;
  /** How much has one every hour. */
  readonly days: number;
  readonly say: (line: string) => void;
}

/** A QuestDB with the rows of many services, which go on exporting. */
export class Estate {
  readonly questdb = new ForeignQuestdb();
  readonly series: readonly Series[];
  readonly cycles: readonly Cycle[];
  readonly #options: EstateOptions;
  /** Of whole minutes, in which every series has a point every 30 s. */
  readonly past: Range;
  #live: LiveServices | undefined;

  constructor(options: EstateOptions) {
    this.#options = options;
    const toMs = floorTo(Date.now(), MINUTE_MS);
    this.past = { fromMs: toMs - options.rawMs, toMs };
    this.series = allSeries(options.requestSeries);
    this.cycles = makeCycles(this.series);
  }

  /** Makes the past, and lets the services begin. */
  async start(): Promise<void> {
    const { days, say } = this.#options;
    const { questdb, past } = this;
    await questdb.start();
    await migrate(questdb.target, RETENTION);
    await writeTemplates(questdb, this.cycles);
    const fromMs = past.toMs - days * DAY_MS;
    say(`a point of each hour of ${days} days …`);
    await fill(questdb, fromMs, past.fromMs, HOUR_MS);
    await fillOthers(questdb, fromMs, past.fromMs, HOUR_MS);
    say(`a point every 30 s of ${(past.toMs - past.fromMs) / HOUR_MS} h …`);
    await fill(questdb, past.fromMs, past.toMs);
    const liveMs = Date.now() + AHEAD_MS;
    await this.live(1, liveMs);
    await fill(questdb, past.toMs, liveMs);
    await fillOthers(questdb, past.fromMs, liveMs + HOUR_MS);
    say('roll-ups …');
    await applied(this.questdb);
    await rolledUp(this.questdb);
  }

  /** Starts `instances` processes of each service. */
  async live(instances: number, fromMs: number, flushIntervalMs = 30_000): Promise<void> {
    const { target, folder } = this.questdb;
    const { requestSeries } = this.#options;
    const spoolDir = `${folder}/spool`;
    const options = { target, spoolDir, instances, fromMs, flushIntervalMs, requestSeries };
    this.#live = new LiveServices(options);
    await this.#live.ready();
  }

  /** Ends the services' processes. */
  async quiet() {
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

const VIEWS =
  'SELECT view_name, base_table_txn, refresh_base_table_txn, view_status FROM materialized_views()';

/** Waits until the roll-ups have all rows of now; more are coming all the time. */
async function rolledUp(questdb: ForeignQuestdb): Promise<void> {
  // The finest first: each is summed from the one before.
  for (const unit of Object.keys(ROLLUP_UNITS)) {
    await applied(questdb);
    const views = (await questdb.sql(VIEWS)).filter(([name]) => String(name).endsWith(`_${unit}`));
    for (const [name] of views) await questdb.sql(`REFRESH MATERIALIZED VIEW ${name} INCREMENTAL`);
    const wanted = new Map(views.map(([name, txn]) => [name, Number(txn)]));
    await until(async () => {
      const now = await questdb.sql(VIEWS);
      const late = now.filter(([name, , has]) => Number(has) < (wanted.get(name) ?? 0));
      const invalid = now.filter(([, , , status]) => status === 'invalid');
      if (invalid.length > 0) throw new Error(`${invalid[0]?.[0]} is invalid`);
      return late.length === 0;
    }, MOST_MS);
  }
}
