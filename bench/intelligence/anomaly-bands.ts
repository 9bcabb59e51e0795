import { parseSettings } from '../../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../../src/core/config/questdb-targets.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/core/duration.ts';
import { UNRESTRICTED_SCOPE } from '../../src/core/tenant-scope.ts';
import { queryMeasure } from '../../src/server/alerts/rule-queries/measure-query.ts';
import {
  queryAnomalies,
  toBandMeasure,
} from '../../src/server/alerts/rule-queries/query-anomalies.ts';
import { RuleQueryCache } from '../../src/server/alerts/rule-queries/rule-query-cache.ts';
import type { Measure } from '../../src/server/alerts/rules/alert-rule.ts';
import { AnomalyBands } from '../../src/server/anomalies/anomaly-bands.ts';
import type { BandMeasure } from '../../src/server/anomalies/band-measure.ts';
import { AnomalyService } from '../../src/server/anomalies/service/anomaly-service.ts';
import { QuestdbQueryClient } from '../../src/storage/questdb/query-client.ts';
import { findRule, loadTestRules } from '../../test/support/alert-rule-fixtures.ts';
import type { ExternalQuestdb } from '../../test/support/external-questdb.ts';
import { readCpuMs } from '../process-usage.ts';
import { atLeast, atMost, median, type Report } from '../report.ts';
import { ENDPOINTS_PER_SERVICE } from './seed-history.ts';

export interface BandBenchOptions {
  readonly questdb: ExternalQuestdb;
  readonly seriesCount: number;
  /** End of the stored rows. */
  readonly toMs: number;
  readonly log: (line: string) => void;
}

const RULES = `rules:
  - name: p95
    measure: { type: API_RESPONSE_TIME, aggregate: anomaly, of: p95, groupBy: [service, endpoint], window: 5m }
  - name: rate
    direction: both
    measure: { type: API_RESPONSE_TIME, aggregate: anomaly, of: rate, groupBy: [service, endpoint], window: 5m }
`;
const EVALUATION_INTERVAL_S = 30;
const DRAWN_BANDS = 10;
const EVALUATIONS = 3;

/** Measures the CPU time, the latency, and the memory of the bands of normal values. */
export async function benchBands(options: BandBenchOptions): Promise<Report> {
  const { questdb, seriesCount, toMs, log } = options;
  const target = getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read;
  const queryClient = new QuestdbQueryClient(target);
  let added = 0;
  const bands = new AnomalyBands({
    queryClient,
    timeZone: 'Europe/Vienna',
    startDelayMs: 0,
    add: (_table, rows) => {
      added += rows.length;
    },
    log: { info: log, warn: log, error: log },
  });
  try {
    const ruleSet = loadTestRules(RULES);
    const measures = ['p95', 'rate'].map((name) => findRule(ruleSet, name).source as Measure);
    const bandMeasures = measures.map((measure) => toBandMeasure(measure, measure.anomaly!.of));
    const memory = new MemoryPeak();
    const load = await measureCpu(questdb, async () => {
      for (const measure of bandMeasures) await bands.load(measure, 5 * MINUTE_MS, toMs);
    });
    const loadedMb = memory.stop();
    log(`learned ${bands.seriesCount} bands in ${(load.ms / 1000).toFixed(1)} s`);
    const refresh = await measureCpu(questdb, async () => {
      for (const measure of bandMeasures) await bands.load(measure, 5 * MINUTE_MS, toMs + HOUR_MS);
    });
    const evaluationMs: number[] = [];
    let observed = 0;
    for (let i = 0; i < EVALUATIONS; i++) {
      const startMs = performance.now();
      const cache = new RuleQueryCache(queryClient, toMs + i, MINUTE_MS, measures);
      cache.bands = bands;
      const found = await Promise.all(
        measures.map((measure) => queryAnomalies(measure, cache, queryMeasure)),
      );
      observed = found.flat().filter(({ waiting }) => waiting === undefined).length;
      evaluationMs.push(performance.now() - startMs);
    }
    const service = new AnomalyService({ bands, queryClient, getWatched: () => [] });
    const cold: number[] = [];
    const warm: number[] = [];
    for (let i = 0; i < DRAWN_BANDS; i++) {
      const draw = () => drawBand(service, i % Math.min(seriesCount, ENDPOINTS_PER_SERVICE), toMs);
      cold.push(await draw());
      warm.push(await draw());
    }
    return {
      targets: [
        atLeast('bands learned', bands.seriesCount, 2 * seriesCount, '1'),
        atLeast('anomalies judged', observed, 2 * seriesCount, '1'),
        atMost('CPU time of an hourly refresh', refresh.cpuMs / 1000, 60, 's'),
        atMost('time to draw a band for the first time', median(cold), 200, 'ms'),
        atMost('time to draw a band again', median(warm), 200, 'ms'),
        atMost(
          'evaluation of two rules',
          Math.max(...evaluationMs) / 1000,
          EVALUATION_INTERVAL_S,
          's',
        ),
        atMost('more memory for the bands', loadedMb, 200, 'MB'),
      ],
      details: {
        firstLoadSeconds: round(load.ms / 1000),
        firstLoadServerCpuSeconds: round(load.ownCpuMs / 1000),
        firstLoadCpuSeconds: round(load.cpuMs / 1000),
        refreshSeconds: round(refresh.ms / 1000),
        refreshServerCpuSeconds: round(refresh.ownCpuMs / 1000),
        storedBandRows: added,
      },
    };
  } finally {
    await queryClient.close();
  }
}

async function drawBand(service: AnomalyService, endpoint: number, toMs: number): Promise<number> {
  const measure: BandMeasure = {
    type: 'API_RESPONSE_TIME',
    aggregate: 'p95',
    filter: { service: ['s0'], endpoint: [`/e${endpoint}`] },
    groupBy: [],
    scope: UNRESTRICTED_SCOPE,
  };
  const startMs = performance.now();
  const range = { fromMs: toMs - 24 * HOUR_MS, toMs };
  const step = { ms: 5 * MINUTE_MS, zone: 'Europe/Vienna' };
  const { points, status, text } = await service.getBand(measure, range, step, 'medium', toMs);
  if (status !== 'ready' || points.length < 288) throw new Error(`no band: ${text}`);
  return performance.now() - startMs;
}

/** Measures the time, and the CPU time of this process and of QuestDB. */
async function measureCpu(questdb: ExternalQuestdb, run: () => Promise<void>) {
  const startMs = performance.now();
  const own = process.cpuUsage();
  const questdbMs = readCpuMs(questdb.pid);
  await run();
  const { user, system } = process.cpuUsage(own);
  const ownCpuMs = (user + system) / 1000;
  return {
    ms: performance.now() - startMs,
    ownCpuMs,
    cpuMs: ownCpuMs + readCpuMs(questdb.pid) - questdbMs,
  };
}

/** Records the highest resident memory of this process, beyond its memory at the start. */
class MemoryPeak {
  readonly #startMb = process.memoryUsage().rss / 1e6;
  #peakMb = 0;
  readonly #timer = setInterval(() => this.#sample(), 50);

  #sample(): void {
    this.#peakMb = Math.max(this.#peakMb, process.memoryUsage().rss / 1e6 - this.#startMb);
  }

  stop(): number {
    clearInterval(this.#timer);
    this.#sample();
    return this.#peakMb;
  }
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
