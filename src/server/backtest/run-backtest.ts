import { HOUR_MS, MINUTE_MS } from '../../core/duration.ts';
import type { Person } from '../../core/person-and-roles.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { ceilTo, floorTo, type TimeRange } from '../../storage/queries/time-range.ts';
import type { ScanClient } from '../../storage/questdb/query-client.ts';
import { loadDeployRows } from '../alerts/deploys/deploy-store.ts';
import { loadEventCounts } from '../alerts/objectives/event-loader.ts';
import { queryUsualMeans } from '../alerts/rule-queries/query-spike.ts';
import { RuleQueryCache } from '../alerts/rule-queries/rule-query-cache.ts';
import type { QueryRule } from '../alerts/rule-queries/run-rule-query.ts';
import type { AlertRule, Measure } from '../alerts/rules/alert-rule.ts';
import type { AlertRuleSet } from '../alerts/rules/load-alert-rules.ts';
import type { Silence } from '../alerts/suppression/silence.ts';
import type { NotificationConfig } from '../notifications/config/notification-config.ts';
import { isEvaluated, loadStoredPeriods, type StoredPeriods } from './replay/data-gaps.ts';
import { NotificationReplay, type ReplayedMessage } from './replay/notification-replay.ts';
import { adaptRule, planReplayGrid, type ReplayGrid } from './replay/replay-grid.ts';
import {
  type ReplayedRule,
  type ReplayedSet,
  ReplayRun,
  type StoredAcknowledgment,
} from './replay/replay-run.ts';
import { RuleReplay } from './replay/rule-replay.ts';
import { TurnClock } from './replay/turn-clock.ts';
import { type AlertSpan, toAlertSpans } from './report/alert-spans.ts';
import { ReplayedObjectives } from './sources/burn-rate-source.ts';
import { CellReader } from './sources/cell-reader.ts';
import { CellStores } from './sources/cell-stores.ts';
import { createQueriedSource, createReplaySource } from './sources/create-replay-source.ts';
import { createDeploySource } from './sources/deploy-source.ts';
import { readChunks } from './sources/read-chunks.ts';
import { StopList } from './sources/uptime-source.ts';

/** The tables whose roll-ups limit the step. */
const TABLES = ['performance_metrics', 'metric_buckets', 'queue_metrics', 'system_health'] as const;

/** Rules are evaluated for at most this long before the range, so that alerts have their state at its start. */
const MAX_WARMUP_MS = 6 * HOUR_MS;

export interface BacktestEnvironment {
  readonly queryClient: ScanClient;
  /** Interval at which services report their health, in ms. */
  readonly healthIntervalMs: number;
  readonly notificationConfig: NotificationConfig;
  readonly people: readonly Person[];
  /** Silences that were active at some time of the range. */
  readonly silences: readonly Silence[];
  /** Sorted by time. */
  readonly acknowledgments: readonly StoredAcknowledgment[];
}

export interface BacktestRequest {
  readonly range: TimeRange;
  /** Time between two evaluations, in ms. */
  readonly stepMs: number;
  /** Each set is replayed over the same data. */
  readonly ruleSets: readonly AlertRuleSet[];
  /** Names of the rules to replay. Undefined for all. */
  readonly ruleNames?: readonly string[] | undefined;
}

/** Progress of a backtest, from 0 to 1, with the rows that were read. */
export interface BacktestProgress {
  readonly done: number;
  readonly rows: number;
}

/** The replay of one rule, or the reason why there is none. */
export interface RuleOutcome {
  readonly rule: AlertRule;
  readonly spans: readonly AlertSpan[];
  /** Why the rule wasn't replayed. */
  readonly skipped: string | undefined;
  /** How the replay differs from live evaluation. */
  readonly notes: readonly string[];
}

export interface SetOutcome {
  readonly rules: readonly RuleOutcome[];
  readonly messages: readonly ReplayedMessage[];
}

export interface BacktestOutcome {
  /** Times of the first and of the last evaluation that count. */
  readonly range: TimeRange;
  readonly stepMs: number;
  readonly sets: readonly SetOutcome[];
  readonly notes: readonly string[];
  readonly gaps: readonly TimeRange[];
  readonly rows: number;
  /** Number of evaluations of one group. */
  readonly evaluations: number;
}

export interface BacktestControl {
  readonly onProgress?: ((progress: BacktestProgress) => void) | undefined;
  /** Called between steps. Throws to end the backtest. */
  readonly checkCanceled?: (() => void) | undefined;
}

/**
 * Replays stored rows through the evaluation of rules and notifications, without sending anything.
 *
 * @throws PS_UNAVAILABLE, PS_QUERY_TOO_LONG, and what `checkCanceled` throws
 */
export async function runBacktest(
  environment: BacktestEnvironment,
  request: BacktestRequest,
  control: BacktestControl = {},
): Promise<BacktestOutcome> {
  const { queryClient } = environment;
  const catalog = await queryClient.getCatalog();
  const tables = TABLES.map((table) => catalog.get(table) ?? []);
  const grid = planReplayGrid(request.range, request.stepMs, computeWarmup(request), tables);
  const healthIntervalMs = ceilTo(environment.healthIntervalMs, MINUTE_MS);
  const plan = planRules(environment, request, grid, healthIntervalMs);
  const reader = new CellReader({
    client: queryClient,
    scope: UNRESTRICTED_SCOPE,
    stores: plan.stores,
    stepMs: grid.stepMs,
    healthIntervalMs,
  });
  const firstMs = ceilTo(grid.firstMs - Math.min(MAX_WARMUP_MS, plan.warmupMs), grid.stepMs);
  const periods = await loadStoredPeriods(
    queryClient,
    UNRESTRICTED_SCOPE,
    { fromMs: firstMs - grid.stepMs, toMs: grid.lastMs },
    grid.minCellMs,
  );
  const run = new ReplayRun(plan.sets, environment.acknowledgments);
  const context = { environment, reader, plan, grid, periods, firstMs, control, run };
  const { rows, evaluations } = await replayRange(context);
  return {
    range: { fromMs: grid.firstMs, toMs: grid.lastMs },
    stepMs: grid.stepMs,
    sets: plan.toOutcomes(),
    notes: [...grid.notes, ...describePeriods(periods, grid)],
    gaps: periods.gaps,
    rows,
    evaluations,
  };
}

function computeWarmup({ ruleSets }: BacktestRequest): number {
  const windows = ruleSets.flatMap(({ rules }) =>
    rules.map(({ source }) => (source.kind === 'measure' ? source.windowMs : 0)),
  );
  return Math.max(0, ...windows);
}

interface ReplayPlan {
  readonly stores: CellStores;
  readonly stops: StopList;
  readonly sets: readonly ReplayedSet[];
  /** Time that an alert needs to reach its state, in ms. */
  readonly warmupMs: number;
  toOutcomes(): SetOutcome[];
}

/** Creates the replays and sources. A rule that is the same in two sets is replayed once. */
function planRules(
  environment: BacktestEnvironment,
  { ruleSets, ruleNames }: BacktestRequest,
  grid: ReplayGrid,
  healthIntervalMs: number,
): ReplayPlan {
  const stores = new CellStores();
  const stops = new StopList();
  const stepCount = Math.max(0, (grid.lastMs - grid.firstMs) / grid.stepMs + 1);
  const context = {
    stores,
    stops,
    healthIntervalMs,
    stepCount,
    createQueriedSource: (rule: QueryRule) =>
      createQueriedSource(rule, environment.queryClient, healthIntervalMs),
    queryUsualMeans: (measure: Measure, now: number) =>
      queryUsualMeans(measure, new RuleQueryCache(environment.queryClient, now, healthIntervalMs)),
  };
  const shared = new Map<string, PlannedRule>();
  const planRule = (
    rule: AlertRule,
    set: AlertRuleSet,
    createStoredSource: StoredSourceFactory,
  ): PlannedRule => {
    const objectives = rule.source.kind === 'burnRate' ? set.objectives : [];
    const key = JSON.stringify([rule.name, set.definitions.get(rule.name)?.data, objectives]);
    const known =
      shared.get(key) ?? createPlannedRule(rule, grid, { ...context, createStoredSource });
    shared.set(key, known);
    return known;
  };
  const planned = ruleSets.map((set) => {
    const createStoredSource = createStoredSourceFactory(environment.queryClient, set, grid);
    return set.rules
      .filter(({ name }) => ruleNames?.includes(name) ?? true)
      .map((rule) => planRule(rule, set, createStoredSource));
  });
  const sets = planned.map((rules, i): ReplayedSet => {
    const { notificationConfig: config, people, silences } = environment;
    return {
      rules: rules.flatMap(({ replayed }) => replayed ?? []),
      notifications: new NotificationReplay({ ruleSet: ruleSets[i]!, silences, config, people }),
    };
  });
  const all = [...shared.values()].map(({ rule }) => rule);
  return {
    stores,
    stops,
    sets,
    warmupMs: Math.max(0, ...all.map((rule) => rule.forMs + rule.keepFiringForMs + 5 * MINUTE_MS)),
    toOutcomes: () =>
      planned.map((rules, i) => ({
        rules: rules.map(toRuleOutcome),
        messages: sets[i]!.notifications.messages,
      })),
  };
}

type StoredSourceFactory = NonNullable<
  Parameters<typeof createReplaySource>[1]['createStoredSource']
>;

/** Returns a function that creates the sources of rules about objectives and deploys. */
function createStoredSourceFactory(
  queryClient: ScanClient,
  { objectives }: AlertRuleSet,
  { lastMs }: ReplayGrid,
): StoredSourceFactory {
  const replayed = new ReplayedObjectives(objectives, (objective, range, stepMs) =>
    loadEventCounts(queryClient, objective, range, stepMs),
  );
  const loadRows = (fromMs: number, toMs: number) => loadDeployRows(queryClient, fromMs, toMs);
  return (source) =>
    source.kind === 'burnRate'
      ? replayed.createSource(source.speed)
      : createDeploySource(source, loadRows, lastMs);
}

interface PlannedRule {
  readonly rule: AlertRule;
  readonly replayed: ReplayedRule | undefined;
  readonly skipped: string | undefined;
  readonly notes: readonly string[];
}

function createPlannedRule(
  original: AlertRule,
  grid: ReplayGrid,
  context: Parameters<typeof createReplaySource>[1],
): PlannedRule {
  const { rule, notes } = adaptRule(original, grid);
  const result = createReplaySource(rule, context);
  if (!result.source) return { rule, replayed: undefined, skipped: result.reason, notes: [] };
  const { source } = result;
  return {
    rule,
    replayed: { replay: new RuleReplay(rule), source, transitions: [] },
    skipped: undefined,
    notes: [...notes, ...source.precision],
  };
}

function toRuleOutcome({ rule, replayed, skipped, notes }: PlannedRule): RuleOutcome {
  const failure = skipped ?? replayed?.failure;
  const spans = failure === undefined && replayed ? toAlertSpans(replayed.transitions) : [];
  return { rule, spans, skipped: failure, notes };
}

interface ReplayContext {
  readonly environment: BacktestEnvironment;
  readonly reader: CellReader;
  readonly plan: ReplayPlan;
  readonly grid: ReplayGrid;
  readonly periods: StoredPeriods;
  /** Time of the first evaluation, before the range. */
  readonly firstMs: number;
  readonly control: BacktestControl;
  readonly run: ReplayRun;
}

/** Reads the rows in chunks, and evaluates the steps of each chunk. */
async function replayRange(context: ReplayContext): Promise<{ rows: number; evaluations: number }> {
  const { reader, plan, grid, periods, firstMs, control, run, environment } = context;
  const { stepMs, lastMs } = grid;
  const { onProgress, checkCanceled } = control;
  const replays = plan.sets.flatMap(({ rules }) => rules.map(({ replay }) => replay));
  const distinct = [...new Set(replays)];
  const startMs = floorTo(firstMs - reader.warmupMs, stepMs);
  let rows = 0;
  let evaluations = 0;
  let doneMs = startMs;
  const turns = new TurnClock(() => {
    checkCanceled?.();
    onProgress?.({ done: (doneMs - startMs) / (lastMs - startMs), rows });
  });
  const chunks = readChunks(
    reader,
    environment.queryClient,
    { fromMs: startMs, toMs: lastMs },
    {
      firstMs,
      stepMs,
    },
  );
  for await (const { range, cells, stops } of chunks) {
    checkCanceled?.();
    rows += cells.rowCount;
    await turns.run(cells.add());
    plan.stops.add(stops);
    const times: number[] = [];
    for (let now = range.fromMs + stepMs; now <= range.toMs; now += stepMs) {
      if (now >= firstMs && isEvaluated(periods, now)) times.push(now);
    }
    await turns.run(run.skipQuiet(times));
    for (const now of times) {
      await run.step(now);
      evaluations += distinct.reduce((sum, { groupCount }) => sum + groupCount, 0);
      doneMs = now;
      if (turns.isDue) await turns.pause();
    }
    plan.stores.compact(range.toMs);
    plan.stops.dropBefore(range.toMs - plan.stores.windowMs);
  }
  onProgress?.({ done: 1, rows });
  return { rows, evaluations };
}

function describePeriods({ firstMs, gaps }: StoredPeriods, grid: ReplayGrid): string[] {
  if (firstMs === undefined) return ['No data is stored in this range.'];
  const notes: string[] = [];
  if (firstMs > grid.firstMs)
    notes.push(`The first data is from ${new Date(firstMs).toISOString()}.`);
  if (gaps.length > 0) {
    const hours = gaps.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0) / HOUR_MS;
    notes.push(
      `In ${gaps.length} gaps of ${hours.toFixed(1)} h in total, nothing was stored. As in live evaluation, alerts don't change in a gap.`,
    );
  }
  return notes;
}
