import { linesOf } from '../../entries/problems.ts';
import { isOneOf, sql } from '../../questdb/statement.ts';
import type { AlertDesk, RuleView } from '../../schema/alert-desk.ts';
import { isEmpty, isVisible } from '../../schema/scope.ts';
import { DAY_MS } from '../../windows/range.ts';
import type { Store } from '../../windows/store.ts';
import type { Transition } from '../evaluate/transition.ts';
import type { Evaluator } from '../evaluator.ts';
import type { Rule } from '../rules/rule.ts';
import { shareOfTimeMet } from '../targets/share-met.ts';
import { transitionsOf } from './transitions.ts';

/** An alert that still fires today may have begun so long ago. */
const LONGEST_MS = 30 * DAY_MS;

/** The rules with how they are, and how far targets were met. */
export function rulesDesk(evaluator: Evaluator, store: Store): Pick<AlertDesk, 'rules'> {
  const { book, health, now } = evaluator;
  return {
    async rules(scope) {
      const { set, status } = evaluator.rules;
      const targets = set.rules.filter(({ target }) => target).map(({ name }) => name);
      // Where the file lies, and what is wrong in it, is for who runs the installation.
      const whole = scope.organizations === 'all';
      const since = new Date(now() - LONGEST_MS);
      const ofTargets = sql`timestamp > ${since} AND ${isOneOf('rule', targets)}`;
      const past = isEmpty(scope) ? [] : await transitionsOf(store, scope, ofTargets);
      const live = [...book.live()]
        .map(({ transition }) => transition)
        .filter((transition) => isVisible(transition, scope));
      const liveOf = Map.groupBy(live, ({ rule }) => rule);
      const pastOf = Map.groupBy(past, ({ rule }) => rule);
      return {
        rules: set.rules.map((rule) => {
          const share = met(rule, pastOf.get(rule.name) ?? [], now());
          const view = ruleView(rule, liveOf.get(rule.name) ?? [], health.of(rule.name), share);
          return whole ? view : { ...view, error: undefined };
        }),
        file: whole ? status.file : undefined,
        loadedAt: new Date(status.loadedMs),
        problems: whole ? linesOf(status.problems) : [],
      };
    },
  };
}

/** In percent of the last day; undefined for what is no target. */
function met({ target }: Rule, past: readonly Transition[], now: number): number | undefined {
  return target ? 100 * shareOfTimeMet(past, now - DAY_MS, now) : undefined;
}

function ruleView(
  rule: Rule,
  alerts: readonly Transition[],
  health: ReturnType<Evaluator['health']['of']>,
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
