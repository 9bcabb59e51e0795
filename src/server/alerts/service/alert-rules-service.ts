import { formatProblems } from '../../../core/config-files/config-validation.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { isEmptyScope, isVisibleInScope } from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { inValues, sql } from '../../../storage/sql/sql-builder.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import type { AlertRule } from '../rules/alert-rule.ts';
import { loadTransitions } from '../state/alert-queries.ts';
import type { AlertService, RuleView } from './alert-views.ts';

/** An alert that still fires today may have begun so long ago. */
const MAX_ALERT_AGE_MS = 30 * DAY_MS;

/** The rules with how they are, and how far targets were met. */
export function createRuleMethods(
  evaluator: AlertEvaluator,
  store: QueryClient,
): Pick<AlertService, 'listRules'> {
  const { alertStates: book, ruleHealth: health, now } = evaluator;
  return {
    async listRules(scope) {
      const { ruleSet: set, status } = evaluator.rulesFile;
      const targets = set.rules.filter(({ target }) => target).map(({ name }) => name);
      // Where the file lies, and what is wrong in it, is for who runs the installation.
      const whole = scope.organizations === 'all';
      const since = new Date(now() - MAX_ALERT_AGE_MS);
      const ofTargets = sql`timestamp > ${since} AND ${inValues('rule', targets)}`;
      const past = isEmptyScope(scope) ? [] : await loadTransitions(store, scope, ofTargets);
      const live = [...book.listLive()]
        .map(({ transition }) => transition)
        .filter((transition) => isVisibleInScope(transition, scope));
      const liveOf = Map.groupBy(live, ({ rule }) => rule);
      const pastOf = Map.groupBy(past, ({ rule }) => rule);
      return {
        rules: set.rules.map((rule) => {
          const share = computePercentMet(rule, pastOf.get(rule.name) ?? [], now());
          const view = toRuleView(rule, liveOf.get(rule.name) ?? [], health.get(rule.name), share);
          return whole ? view : { ...view, error: undefined };
        }),
        file: whole ? status.file : undefined,
        loadedAt: new Date(status.loadedMs),
        problems: whole ? formatProblems(status.problems) : [],
      };
    },
  };
}

/** In percent of the last day; undefined for what is no target. */
function computePercentMet(
  { target }: AlertRule,
  past: readonly Transition[],
  now: number,
): number | undefined {
  return target ? 100 * computeTimeMetRatio(past, now - DAY_MS, now) : undefined;
}

function toRuleView(
  rule: AlertRule,
  alerts: readonly Transition[],
  health: ReturnType<AlertEvaluator['ruleHealth']['get']>,
  met: number | undefined,
): RuleView {
  const fires = alerts.some(({ state }) => state !== 'pending');
  return {
    name: rule.name,
    state: fires ? 'firing' : alerts.length > 0 ? 'pending' : 'inactive',
    alerts: alerts.length,
    thresholds: rule.levels,
    direction: rule.direction,
    labels: rule.labels,
    runbook: rule.runbook,
    for: rule.forMs,
    interval: rule.intervalMs,
    evaluatedAt: health && new Date(health.evaluatedMs),
    durationMs: health && Math.round(health.durationMs),
    error: health?.error,
    failures: health?.failures ?? 0,
    target: rule.target,
    met,
  };
}

type TargetTransition = Pick<Transition, 'id' | 'seq' | 'timestamp' | 'state'>;

/**
 * The share (0 to 1) of the time from `fromMs` to `toMs` in which no alert of a target fired: the
 * share of time that the target was met. Several alerts at once count once.
 *
 * @param transitions all of the target's alerts that reach into that time, in any order, with their
 *   transitions before it
 */
export function computeTimeMetRatio(
  transitions: readonly TargetTransition[],
  fromMs: number,
  toMs: number,
): number {
  if (toMs <= fromMs) return 1;
  const spans = toFiringSpans(transitions, toMs).sort((a, b) => a[0] - b[0]);
  let missedMs = 0;
  let untilMs = fromMs;
  for (const [beginMs, endMs] of spans) {
    const begin = Math.max(beginMs, untilMs);
    const end = Math.min(endMs, toMs);
    if (end > begin) {
      missedMs += end - begin;
      untilMs = end;
    }
  }
  return 1 - missedMs / (toMs - fromMs);
}

function toFiringSpans(transitions: readonly TargetTransition[], toMs: number): [number, number][] {
  const spans = new Map<string, [number, number]>();
  const sorted = transitions.toSorted((a, b) => a.timestamp - b.timestamp || a.seq - b.seq);
  for (const { id, state, timestamp } of sorted) {
    const span = spans.get(id);
    if (state === 'resolved') {
      if (span) spans.set(id, [span[0], timestamp]);
    } else if (state !== 'pending' && !span) {
      spans.set(id, [timestamp, toMs]);
    }
  }
  return [...spans.values()];
}
