import { parseSettings } from '../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../src/core/config/questdb-targets.ts';
import { DAY_MS, MINUTE_MS } from '../src/core/duration.ts';
import { migrate } from '../src/storage/migrations/migrate.ts';
import { QuestdbQueryClient } from '../src/storage/questdb/query-client.ts';
import { DEFAULT_RETENTION } from '../test/support/default-retention.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import { waitForRollups } from '../test/support/wait-for-rollups.ts';
import { measureAccuracy } from './intelligence/anomaly-accuracy.ts';
import { benchBands } from './intelligence/anomaly-bands.ts';
import { measureForecastRefresh } from './intelligence/forecast-accuracy.ts';
import { seedHistory } from './intelligence/seed-history.ts';
import { benchSuggestions } from './intelligence/suggestions.ts';
import { atLeast, atMost, type BenchOptions, type Report } from './report.ts';

interface PartOptions extends BenchOptions {
  readonly questdb: ExternalQuestdb;
  readonly seriesCount: number;
  /** End of the stored rows. */
  readonly toMs: number;
}

/** The parts of the benchmark. They share the stored rows: 28 days of requests. */
const PARTS: readonly ((options: PartOptions) => Promise<Report>)[] = [
  benchBands,
  benchWeekOfSuggestions,
  benchForecasts,
  benchAccuracy,
];
const MAX_FORECAST_CPU_S = 60;

const ROLLUP_TIMEOUT_MS = 600_000;
const DAYS = 28;

/** Measures the features that learn from the history, with 1,000 series of 28 days. */
export async function benchIntelligence(options: BenchOptions): Promise<Report> {
  const { quick, log } = options;
  const seriesCount = quick ? 40 : 1000;
  const questdb = new ExternalQuestdb();
  try {
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    const toMs = Math.floor(Date.now() / (5 * MINUTE_MS)) * 5 * MINUTE_MS;
    await seedHistory(questdb, { seriesCount, days: DAYS, toMs });
    log(
      `wrote ${DAYS} days of ${seriesCount} series, ${new Date(toMs - DAYS * DAY_MS).toISOString()} and later`,
    );
    await waitForRollups(questdb, ROLLUP_TIMEOUT_MS);
    log('the roll-ups are up to date');
    const reports: Report[] = [];
    for (const part of PARTS) reports.push(await part({ ...options, questdb, seriesCount, toMs }));
    return {
      targets: reports.flatMap(({ targets }) => targets),
      details: Object.assign({ seriesCount, days: DAYS }, ...reports.map(({ details }) => details)),
    };
  } finally {
    await questdb.remove();
  }
}

/** Measures suggestions over the last week of the stored rows. */
async function benchWeekOfSuggestions({ questdb }: PartOptions): Promise<Report> {
  const target = getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read;
  const queryClient = new QuestdbQueryClient(target);
  try {
    return await benchSuggestions(queryClient);
  } finally {
    await queryClient.close();
  }
}

/** Measures one refresh of all forecasts. A server refreshes them once an hour. */
async function benchForecasts({ seriesCount }: PartOptions): Promise<Report> {
  const { cpuMs, memoryBytes } = await measureForecastRefresh(seriesCount);
  return {
    targets: [atMost('CPU time of all forecasts', cpuMs / 1000, MAX_FORECAST_CPU_S, 's/h')],
    details: { 'memory of forecasts': `${Math.round(memoryBytes / 1e6)} MB` },
  };
}

/** Checks that bands still raise fewer false alerts than a static threshold. The full data takes some minutes. */
async function benchAccuracy({ quick }: PartOptions): Promise<Report> {
  const sets = quick ? ['NAB artificialWithAnomaly'] : ['NAB realAWSCloudwatch'];
  const rows = await measureAccuracy(undefined, sets);
  const find = (detector: string) => rows.find((row) => row.detector === detector)!;
  const [band, fixed] = [find('band, `medium`'), find('static threshold')];
  const precision = (row: typeof band) =>
    row.alerts === 0 ? 0 : (100 * (row.alerts - row.falseAlerts)) / row.alerts;
  return {
    targets: [
      atLeast('labeled anomalies found', band.found, quick ? 3 : 6, '1'),
      atLeast('precision of alerts', precision(band), quick ? 50 : precision(fixed), '%'),
    ],
    details: { labeledAnomalies: band.anomalies, falseAlerts: band.falseAlerts },
  };
}
