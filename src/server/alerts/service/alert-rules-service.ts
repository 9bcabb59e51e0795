import type { Labels } from '../../../core/alerts/alert.ts';
import { toRunbookLink } from '../../../core/alerts/runbook-link.ts';
import { formatProblems } from '../../../core/config-files/config-validation.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { createError } from '../../../core/perfscope-error.ts';
import { isEmptyScope, isVisibleInScope, type TenantScope } from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { inValues, sql } from '../../../storage/sql/sql-builder.ts';
import type { AlertEvaluator } from '../alert-evaluator.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import { toTargetRule } from '../objectives/target-rule.ts';
import type { AlertRule } from '../rules/alert-rule.ts';
import { loadTransitions } from '../state/alert-queries.ts';
import type { AlertService, RuleView } from './alert-views.ts';
import { computeTargetMet } from './objective-views.ts';
import { type RuleDetails, toRuleDetails } from './rule-details.ts';

/** Maximum age, in ms, of the live alerts used to compute how long a target was met. */
const MAX_ALERT_AGE_MS = 30 * DAY_MS;

/** Creates the methods that list the rules with their states, values, and targets. */
export function createRuleMethods(
  evaluator: AlertEvaluator,
  queryClient: QueryClient,
  publicUrl: string | undefined,
): Pick<AlertService, 'listRules' | 'getRule'> {
  const { alertStates, ruleHealth, now } = evaluator;

  /** Returns the visible ones of some rules. */
  async function toViews(rules: readonly AlertRule[], scope: TenantScope): Promise<RuleView[]> {
    const { definitions } = evaluator.rulesFile.ruleSet;
    const targets = rules.filter(({ target }) => target).map(({ name }) => name);
    const since = new Date(now() - MAX_ALERT_AGE_MS);
    const ofTargets = sql`timestamp > ${since} AND ${inValues('rule', targets)}`;
    const isNeeded = targets.length > 0 && !isEmptyScope(scope);
    const past = isNeeded ? await loadTransitions(queryClient, scope, ofTargets) : [];
    const live = [...alertStates.listLive()]
      .map(({ transition }) => transition)
      .filter((transition) => isVisibleInScope(transition, scope));
    const liveByRule = Map.groupBy(live, ({ rule }) => rule);
    const pastByRule = Map.groupBy(past, ({ rule }) => rule);
    return rules
      .filter((rule) => isRuleVisible(rule, scope))
      .map((rule) => {
        const { name } = rule;
        const met = computePercentMet(rule, pastByRule.get(name) ?? [], now());
        const view = toRuleView(rule, liveByRule.get(name) ?? [], ruleHealth.get(name), met);
        const groups = alertStates.listGroups(name);
        return {
          ...view,
          ...toRuleDetails(rule, definitions.get(name), groups, scope, now()),
          runbook: toRunbookLink(rule.runbook, publicUrl),
          ...(scope.organizations !== 'all' && { error: undefined }),
        };
      });
  }

  return {
    async listRules(scope) {
      const { ruleSet, status } = evaluator.rulesFile;
      // Only administrators can see the path of the file and its problems.
      const isAdministrator = scope.organizations === 'all';
      return {
        rules: [
          ...(await toViews(ruleSet.rules, scope)),
          ...toTargetViews(evaluator, scope, publicUrl),
        ],
        file: isAdministrator ? status.file : undefined,
        loadedAt: new Date(status.loadedMs),
        problems: isAdministrator ? formatProblems(status.problems) : [],
      };
    },

    async getRule(name, scope) {
      const rule = evaluator.findRule(name);
      const [view] = rule
        ? await toViews([rule], scope)
        : toTargetViews(evaluator, scope, publicUrl).filter((target) => target.name === name);
      if (!view) throw createError('PS_NOT_FOUND', { item: 'rule', id: name });
      return view;
    },
  };
}

/** Returns the built-in targets in the form of rules. Their alerts belong to the burn-rate rules. */
function toTargetViews(
  { rulesFile, alertStates, objectives, now }: AlertEvaluator,
  scope: TenantScope,
  publicUrl: string | undefined,
): RuleView[] {
  const { ruleSet } = rulesFile;
  const live = [...alertStates.listLive()].map(({ transition }) => transition);
  return ruleSet.objectives
    .filter(({ isTarget }) => isTarget)
    .map((objective) => ({ objective, rule: toTargetRule(objective, ruleSet.intervalMs) }))
    .filter(({ rule }) => isRuleVisible(rule, scope))
    .map(({ objective, rule }) => {
      const alerts = live.filter(
        (transition) =>
          isVisibleInScope(transition, scope) &&
          (JSON.parse(transition.labels) as Labels).objective === objective.name,
      );
      const definition = { source: 'built-in', overridden: false, data: {} } as const;
      return {
        ...toRuleView(rule, alerts, undefined, computeTargetMet(objectives, objective, scope)),
        ...toRuleDetails(rule, definition, [], scope, now()),
        yaml: undefined,
        runbook: toRunbookLink(rule.runbook, publicUrl),
      };
    });
}

/**
 * Returns whether a caller can see a rule. A rule's name can describe a tenant, a queue, or a host.
 * Therefore, callers limited to tenants see only rules that can raise alerts for one of them.
 */
function isRuleVisible(rule: AlertRule, { organizations, properties }: TenantScope): boolean {
  if (organizations === 'all') return true;
  const isOwnProperty = (property: string) => properties === 'all' || properties.includes(property);
  const { source, tenants } = rule;
  if (source.kind === 'internal') return false;
  // The groups of objectives have different labels. Values are limited to the tenant's groups.
  if (source.kind === 'burnRate') return true;
  if (source.kind === 'deploy') return true;
  // Only error budgets can belong to a tenant.
  if (source.kind === 'forecast') return source.subject === 'errorBudget';
  if (source.kind === 'sql') return source.labelNames.includes('organization');
  if (!source.groupBy.includes('organization')) return false;
  return organizations.some((organization) => {
    const isMeasured = source.filter.organization?.includes(organization) ?? true;
    const own = tenants.filter(
      (tenant) =>
        tenant.organization === organization &&
        (tenant.property === undefined || isOwnProperty(tenant.property)),
    );
    const isPropertyMeasured = source.filter.property?.some(isOwnProperty) ?? true;
    return isMeasured && isPropertyMeasured && (rule.enabled || own.some(({ enabled }) => enabled));
  });
}

/** Returns the percentage of the last day during which a target was met. */
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
): Omit<RuleView, 'runbook' | keyof RuleDetails> {
  const isFiring = alerts.some(({ state }) => state !== 'pending');
  return {
    name: rule.name,
    state: isFiring ? 'firing' : alerts.length > 0 ? 'pending' : 'inactive',
    alerts: alerts.length,
    thresholds: rule.levels,
    direction: rule.direction,
    labels: rule.labels,
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
 * Returns the share of time (0 to 1) between `fromMs` and `toMs` during which no alert of a target
 * was firing. Simultaneous alerts count once.
 *
 * @param transitions transitions of all the target's alerts that were live in that time, in any
 *   order
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
  for (const [spanStartMs, spanEndMs] of spans) {
    const startMs = Math.max(spanStartMs, untilMs);
    const endMs = Math.min(spanEndMs, toMs);
    if (endMs > startMs) {
      missedMs += endMs - startMs;
      untilMs = endMs;
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
