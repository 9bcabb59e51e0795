import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { RuleQueryCache } from '../../alerts/rule-queries/rule-query-cache.ts';
import {
  isQueryRule,
  type QueryRule,
  queryRule,
} from '../../alerts/rule-queries/run-rule-query.ts';
import type { AlertRule, RuleSource, SqlMeasure } from '../../alerts/rules/alert-rule.ts';
import type { Aggregate } from '../../alerts/rules/rule-aggregates.ts';
import type { CellStores } from './cell-stores.ts';
import { createMeasurementSource, type QueryUsualMeans } from './measurement-source.ts';
import { createQueueSource } from './queue-source.ts';
import type { ReplaySource } from './replay-source.ts';
import { createUptimeSource, type StopList, withEndedServices } from './uptime-source.ts';

/** What sources read. */
export interface ReplayContext {
  readonly stores: CellStores;
  readonly stops: StopList;
  /** Interval at which services report their health, in whole minutes, in ms. */
  readonly healthIntervalMs: number;
  /** Number of evaluations. */
  readonly stepCount: number;
  /** Creates a source that runs the rule's statements for each evaluation. */
  readonly createQueriedSource: (rule: QueryRule) => ReplaySource;
  /** Creates the source of a rule about objectives or deploys, which have their own rows. */
  readonly createStoredSource?: (
    source: Extract<RuleSource, { kind: 'burnRate' | 'deploy' }>,
  ) => ReplaySource;
  readonly queryUsualMeans: QueryUsualMeans;
}

/** The source of a rule, or why the rule can't be replayed. */
export type SourceResult =
  | { readonly source: ReplaySource }
  | { readonly source: undefined; readonly reason: string };

/** A statement for each evaluation takes a few ms, so more evaluations take too long. */
const MAX_QUERIED_STEPS = 2500;
/** Aggregates that compare groups with each other, or processes with their successors. */
const QUERIED_AGGREGATES: ReadonlySet<Aggregate> = new Set(['surge', 'crashes']);

/** Creates the source of the observations of a rule. */
export function createReplaySource(rule: AlertRule, context: ReplayContext): SourceResult {
  const source = createSourceOfKind(rule, context);
  if (typeof source === 'string') return { source: undefined, reason: source };
  const { stores, stops, healthIntervalMs } = context;
  const hasEnds = rule.noData === 'alert' && rule.source.kind === 'measure';
  return { source: hasEnds ? withEndedServices(source, stores, stops, healthIntervalMs) : source };
}

/** Strings, which are skipped, and functions that return the current time or day. */
const CLOCK_PATTERN = /'(?:[^']|'')*'|\b(now|systimestamp|sysdate|today|yesterday|tomorrow)\s*\(/gi;

/** Returns whether the result of a statement depends on the time at which it runs. */
function usesClock({ bind }: SqlMeasure): boolean {
  const text = bind({ window: () => '', scope: () => '' });
  return [...text.matchAll(CLOCK_PATTERN)].some(([, name]) => name !== undefined);
}

/** Returns the source, or the reason why the rule can't be replayed. */
function createSourceOfKind(rule: AlertRule, context: ReplayContext): ReplaySource | string {
  const { stores, stops, healthIntervalMs, stepCount, createQueriedSource } = context;
  if (!isQueryRule(rule)) return 'it measures Perfscope itself, and these values are not stored';
  const { source } = rule;
  const isQueried =
    source.kind === 'sql' ||
    (source.kind === 'measure' && QUERIED_AGGREGATES.has(source.aggregate));
  if (source.kind === 'sql' && usesClock(source)) {
    return "its statement uses the current time, such as `now()`, so it can't be run for other times";
  }
  if (isQueried) {
    if (stepCount <= MAX_QUERIED_STEPS) return createQueriedSource(rule);
    return `it needs a query at each step, and ${stepCount} steps are too many; use a longer step, with at most ${MAX_QUERIED_STEPS} steps`;
  }
  if (source.kind === 'forecast') {
    return 'forecasts are computed from weeks of values, and are not computed again for each step';
  }
  if (source.kind === 'measure' && source.anomaly) {
    return 'rules about anomalies are not replayed, because normal values are only learned for the current time';
  }
  if (source.kind !== 'measure') {
    return context.createStoredSource?.(source) ?? 'rules of this kind are not replayed';
  }
  return (
    createMeasurementSource(source, stores, context.queryUsualMeans) ??
    createQueueSource(source, stores) ??
    createUptimeSource(source, stores, stops, healthIntervalMs) ??
    'rules with this aggregate are not replayed'
  );
}

/** Creates a source that runs the statements of a rule at each evaluation. */
export function createQueriedSource(
  rule: QueryRule,
  queryClient: QueryClient,
  healthIntervalMs: number,
): ReplaySource {
  return {
    precision: [],
    observe: (now) => queryRule(rule, new RuleQueryCache(queryClient, now, healthIntervalMs)),
  };
}
