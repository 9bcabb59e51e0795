import { parseSettings } from '../../src/core/config/parse-settings.ts';
import { listRulesAndTargets } from '../../src/server/alerts/objectives/target-rule.ts';
import type { AlertRule } from '../../src/server/alerts/rules/alert-rule.ts';
import { loadAlertRules } from '../../src/server/alerts/rules/load-alert-rules.ts';
import { getAggregate, QUEUE_AGGREGATES } from '../../src/server/alerts/rules/rule-aggregates.ts';

/** The built-in alert rules and targets with their default settings. */
const BUILT_IN_RULES: ReadonlyMap<string, AlertRule> = new Map(
  listRulesAndTargets(loadAlertRules(parseSettings({}).settings)).map((rule) => [rule.name, rule]),
);

export function getRule(name: string): AlertRule {
  const rule = BUILT_IN_RULES.get(name);
  if (!rule) throw new TypeError(`unknown alert rule ${name}`);
  return rule;
}

/** Returns the rules that define a target. */
export function getTargetRules(): AlertRule[] {
  return [...BUILT_IN_RULES.values()].filter(({ target }) => target);
}

/** Returns the threshold of a rule's lowest severity. */
export function getLimit(name: string): number {
  return getRule(name).levels[0]!.threshold;
}

/** Groups the names of the built-in rules by a property. */
export function groupRuleNames<K>(toKey: (rule: AlertRule) => K): Map<K, string[]> {
  const groups = Map.groupBy(BUILT_IN_RULES.values(), toKey);
  return new Map([...groups].map(([key, rules]) => [key, rules.map(({ name }) => name)]));
}

/** Unit of a rule's value. `1` is a number without a unit. */
export type RuleUnit = 'ms' | '%' | 'By' | '1/min' | '1';

export function getRuleUnit({ source }: AlertRule): RuleUnit {
  if (source.kind === 'sql' || source.kind === 'burnRate') return '1';
  if (source.kind === 'deploy') return '%';
  if (source.kind === 'forecast') return 'ms';
  if (source.kind === 'internal') {
    if (source.metric.endsWith('_bytes')) return 'By';
    return source.metric.endsWith('_lag') ? 'ms' : '1';
  }
  const { unit } = getAggregate(source.aggregate);
  if (unit !== 'type') return unit;
  const type = source.type ?? '';
  if (/^(CPU|MEMORY|DISK)_USAGE$/.test(type)) return '%';
  return /_(TIME|DELAY|DURATION|AGE)$/.test(type) ? 'ms' : '1';
}

/** Returns the dashboard with the measurements of a rule: the part of its uid after `perfscope-`. */
export function getRuleDashboard({ source }: AlertRule): string {
  if (source.kind === 'internal') return 'own';
  if (source.kind === 'burnRate') return 'targets';
  if (source.kind === 'forecast') return 'system';
  if (source.kind === 'sql' || source.kind === 'deploy') return 'overview';
  const { aggregate, type = '' } = source;
  if (aggregate === 'uptime' || /_USAGE$|^EVENT_LOOP|^GC_|^NETWORK/.test(type)) return 'system';
  if (QUEUE_AGGREGATES.has(aggregate) || type.startsWith('QUEUE_')) return 'queues';
  if (type.startsWith('DATABASE_')) return 'database';
  if (type === 'BREAKER_STATE') return 'actions';
  return /^(?:API|OUTGOING)_/.test(type) ? 'api' : 'overview';
}
