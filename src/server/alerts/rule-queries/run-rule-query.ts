import { withQueryTimeout } from '../../../core/concurrency.ts';
import { startTask } from '../../../core/guard.ts';
import { createError, errorMessage } from '../../../core/perfscope-error.ts';
import { UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toNumber } from '../../../storage/queries/row-values.ts';
import { isQuestdbError, type Row } from '../../../storage/questdb/postgres-wire-reader.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { type Param, type Sql, sql } from '../../../storage/sql/sql-builder.ts';
import type { ForecastMonitor } from '../../forecasts/forecast-monitor.ts';
import type { Observation } from '../evaluation/observation.ts';
import type { ObjectiveMonitor } from '../objectives/objective-monitor.ts';
import type { AlertRule, SqlMeasure } from '../rules/alert-rule.ts';
import type { RuleOutcome } from '../state/rule-health-store.ts';
import { observeForecasts } from './forecast-observations.ts';
import { queryMeasure } from './measure-query.ts';
import { MAX_GROUPS, type RuleQueryCache, toRowsKey } from './rule-query-cache.ts';

/** A rule that queries QuestDB. */
export type QueryRule = AlertRule & {
  readonly source: Exclude<AlertRule['source'], { kind: 'internal' }>;
};
/** A rule about Perfscope itself. */
export type InternalRule = AlertRule & {
  readonly source: Extract<AlertRule['source'], { kind: 'internal' }>;
};

export function isQueryRule(rule: AlertRule): rule is QueryRule {
  return rule.source.kind !== 'internal';
}

/**
 * Runs one query for all groups of a rule. If the rule alerts on missing data, also returns the services
 * that ended normally.
 *
 * @param objectives counts the events for burn rates. Without it, there are no burn rates.
 * @param forecasts predicts when limits are reached. Without it, there are no forecasts.
 * @throws PS_REQUEST_TOO_LARGE if there are too many groups
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 * @throws PS_QUERY_TOO_LONG if the query takes too long
 */
export async function queryRule(
  { source, noData }: QueryRule,
  cache: RuleQueryCache,
  objectives?: ObjectiveMonitor,
  forecasts?: ForecastMonitor,
): Promise<Observation[]> {
  if (source.kind === 'burnRate') {
    await objectives?.refresh(cache.now);
    return objectives?.observe(source.speed, cache.now) ?? [];
  }
  if (source.kind === 'forecast') {
    if (!forecasts) return [];
    // The first refresh can take a minute, so the evaluation doesn't wait for it.
    startTask('the forecasts', () => forecasts.refresh(cache.now));
    return observeForecasts(forecasts, source.subject, cache.now);
  }
  if (source.kind === 'deploy') return cache.queryDeploys?.(source.metric) ?? [];
  if (source.kind === 'sql') return querySqlRule(source, cache.queryClient, cache.now);
  const [observations, ended] = await Promise.all([
    queryMeasure(source, cache),
    noData === 'alert' ? cache.endedServices() : [],
  ]);
  return [...observations, ...ended.map(toEndObservation)];
}

function toEndObservation(service: string): Observation {
  return { labels: { service }, value: undefined, count: 0, newestMs: 0, hasEnded: true };
}

/** Groups rules that read the same rows into batches. */
export function groupRulesByRows(rules: readonly QueryRule[]): QueryRule[][] {
  const batches = Map.groupBy(rules, ({ name, source }) =>
    source.kind === 'measure'
      ? `measure ${toRowsKey(source)}`
      : source.kind === 'sql'
        ? `sql ${name}`
        : source.kind,
  );
  return [...batches.values()];
}

/** Placeholders for the window bounds. They use private characters that SQL never contains. */
const WINDOW_PLACEHOLDERS = ['\uE000from\uE000', '\uE000to\uE000'] as const;

/**
 * Conditions that exclude test rows and neutralized rows, as measures do. Roll-ups contain no neutralized rows.
 */
const ROW_CONDITIONS: Readonly<Record<string, (prefix: string) => string>> = {
  performance_metrics: (q) =>
    `(coalesce(${q}count, 1) > 0 OR ${q}aborted_count > 0) AND ${q}test = false`,
  metric_buckets: (q) => `${q}count > 0 AND ${q}test = false`,
  queue_metrics: (q) => `${q}id IS NOT NULL AND ${q}test = false`,
  system_health: (q) => `${q}id IS NOT NULL`,
};

/** Runs the statement of a SQL rule for all tenants, for the window that ends at `now`. */
async function querySqlRule(
  rule: SqlMeasure,
  queryClient: QueryClient,
  now: number,
): Promise<Observation[]> {
  const rows = await queryClient.read(UNRESTRICTED_SCOPE, toStatement(rule, now));
  if (rows.length >= MAX_GROUPS) throw createError('PS_REQUEST_TOO_LARGE', {});
  return rows.map((row) => toObservation(row, rule, now));
}

function toStatement(rule: SqlMeasure, now: number): Sql {
  const text = rule.bind({
    window: (_table, q) =>
      `${q}timestamp >= ${WINDOW_PLACEHOLDERS[0]} AND ${q}timestamp < ${WINDOW_PLACEHOLDERS[1]}`,
    scope: (table, q) =>
      ROW_CONDITIONS[table]?.(q) ??
      (table.startsWith('system_health_') ? '1 = 1' : `${q}test = false`),
  });
  const bounds: Readonly<Record<string, Param>> = {
    [WINDOW_PLACEHOLDERS[0]]: new Date(now - rule.windowMs),
    [WINDOW_PLACEHOLDERS[1]]: new Date(now),
  };
  const pieces = text.split(/(\uE000(?:from|to)\uE000)/);
  const parts = pieces.map((piece) => {
    const param = bounds[piece];
    return param === undefined ? { text: piece } : { param };
  });
  return { parts: [{ text: 'SELECT * FROM (' }, ...parts, { text: `) LIMIT ${MAX_GROUPS}` }] };
}

function toObservation(row: Row, { labelNames }: SqlMeasure, now: number): Observation {
  const labels = labelNames.flatMap((name) => {
    const text = row[name];
    return text === null || text === undefined ? [] : [[name, String(text)]];
  });
  const { newest } = row;
  return {
    labels: Object.fromEntries(labels),
    value: toNumber(row.value),
    count: toNumber(row.count) ?? 1,
    newestMs: newest instanceof Date ? newest.getTime() : now,
  };
}

const QUERY_TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 3000;

/** The observations of a rule's query, or why there are none. */
export type RuleQueryResult =
  | { readonly result: 'succeeded'; readonly observations: readonly Observation[] }
  | { readonly result: Exclude<RuleOutcome['result'], 'succeeded'>; readonly error: string };

/**
 * Runs a query with a timeout. An unreachable QuestDB is distinguished from a rule whose query is
 * rejected or takes too long. Never rejects.
 */
export async function runRuleQuery(
  queryClient: QueryClient,
  query: () => Promise<readonly Observation[]>,
): Promise<RuleQueryResult> {
  try {
    return {
      result: 'succeeded',
      observations: await withQueryTimeout(QUERY_TIMEOUT_MS, query()),
    };
  } catch (error) {
    const isReached = isQuestdbError(error) || (await isReachable(queryClient));
    return { result: isReached ? 'failed' : 'unreachable', error: errorMessage(error) };
  }
}

async function isReachable(queryClient: QueryClient): Promise<boolean> {
  try {
    await withQueryTimeout(PROBE_TIMEOUT_MS, queryClient.read(UNRESTRICTED_SCOPE, sql`SELECT 1`));
    return true;
  } catch {
    return false;
  }
}
