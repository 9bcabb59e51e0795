import { type Labels, toReadableLabels } from '../../../core/alerts/alert.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import { isVisibleInScope, type TenantScope } from '../../../core/tenant-scope.ts';
import { toPreferredName } from '../../../core/vocabulary.ts';
import type { GroupState } from '../evaluation/group-state.ts';
import type { AlertRule, Measure } from '../rules/alert-rule.ts';
import { getMeasureUnit } from '../rules/rule-aggregates.ts';
import { formatRuleYaml, type RuleDefinition } from '../rules/rule-definition.ts';
import { type RuleWaiting, summarizeWaiting } from './rule-waiting.ts';

/** What a rule measures. Durations are in ms. */
interface RuleQueryView {
  readonly kind: 'metric' | 'sql' | 'internal' | 'burnRate' | 'deploy' | 'forecast';
  readonly metricType?: string | undefined;
  readonly aggregate?: string | undefined;
  readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly groupBy?: readonly string[] | undefined;
  readonly window?: number | undefined;
  readonly slowerThan?: number | undefined;
  readonly baseline?: number | undefined;
  readonly minimumIncrease?: number | undefined;
  /** Only for anomalies: the watched aggregate, its sensitivity, and the side that counts. */
  readonly of?: string | undefined;
  readonly sensitivity?: string | undefined;
  readonly side?: 'above' | 'below' | 'both' | undefined;
  /** The statement of a SQL rule. Only for administrators. */
  readonly sql?: string | undefined;
  /** The metric of a rule about deploys or about Perfscope itself, or the kind of forecasts. */
  readonly metric?: string | undefined;
}

/** The newest value of one group of a rule. */
interface RuleValueView {
  readonly labels: Labels;
  /** Undefined if the value is infinite, or if the group has no data. */
  readonly value: number | undefined;
  readonly state: AlertState | 'inactive';
}

/** The configuration of a rule, and its newest values. */
export interface RuleDetails {
  readonly query: RuleQueryView;
  /** Unit of the values (UCUM). Undefined if it is unknown. */
  readonly unit: string | undefined;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly source: RuleDefinition['source'];
  readonly overridden: boolean;
  /** Only for administrators, because a rule can name several tenants. */
  readonly yaml: string | undefined;
  /** The worst values first. */
  readonly values: readonly RuleValueView[];
  /** Number of groups, including groups that `values` doesn't contain. */
  readonly valueCount: number;
  /** Why the rule can't evaluate some of its groups yet. Undefined if it evaluates all groups. */
  readonly waiting: RuleWaiting | undefined;
}

/** Maximum number of values per rule. */
const MAX_VALUES = 20;
const STATE_ORDER: readonly RuleValueView['state'][] = [
  'firing',
  'acknowledged',
  'pending',
  'inactive',
  'resolved',
];

/**
 * Returns the configuration of a rule, and the newest values that are visible in the scope.
 *
 * @param definition undefined only for a rule that was just removed
 * @param now time in ms since the epoch
 */
export function toRuleDetails(
  rule: AlertRule,
  definition: RuleDefinition | undefined,
  groups: readonly GroupState[],
  scope: TenantScope,
  now: number,
): RuleDetails {
  const isAdministrator = scope.organizations === 'all';
  const visible = groups.filter(({ labels }) =>
    isVisibleInScope({ organizationId: labels.organization, propertyId: labels.property }, scope),
  );
  const { summary, description } = rule.annotations;
  return {
    query: toQueryView(rule, definition, scope),
    unit: getRuleUnit(rule),
    summary: summary?.text,
    description: description?.text,
    source: definition?.source ?? 'file',
    overridden: definition?.overridden ?? false,
    yaml: isAdministrator && definition ? formatRuleYaml(definition) : undefined,
    values: sortByWorst(visible, rule)
      .slice(0, MAX_VALUES)
      .map((group) => toValueView(group, scope)),
    valueCount: visible.length,
    waiting: summarizeWaiting(
      visible.filter(({ absentSinceMs }) => absentSinceMs === undefined),
      now,
    ),
  };
}

/** Units of the filters in annotations. */
const FILTER_UNITS: Readonly<Record<string, string>> = {
  humanizeDuration: 'ms',
  humanizePercentage: '%',
  humanizeBytes: 'By',
};

/** Returns the unit of a rule's values: from its measure, or from the format in its summary. */
export function getRuleUnit({ source, annotations }: AlertRule): string | undefined {
  const unit = source.kind === 'measure' ? getMeasureUnit(source) : undefined;
  const [, filter = ''] = /\{\{\s*\$value\s*\|\s*(\w+)/.exec(annotations.summary?.text ?? '') ?? [];
  return unit ?? FILTER_UNITS[filter];
}

function toQueryView(
  { source }: AlertRule,
  definition: RuleDefinition | undefined,
  scope: TenantScope,
): RuleQueryView {
  if (source.kind === 'internal') return { kind: 'internal', metric: source.metric };
  if (source.kind === 'burnRate')
    return { kind: 'burnRate', window: source.windowMs, aggregate: source.speed };
  if (source.kind === 'deploy') return { kind: 'deploy', metric: source.metric };
  if (source.kind === 'forecast') return { kind: 'forecast', metric: source.subject };
  if (source.kind === 'sql') {
    const text = definition?.data.sql;
    const isReadable = scope.organizations === 'all' && typeof text === 'string';
    const { labelNames: groupBy, windowMs: window } = source;
    return { kind: 'sql', sql: isReadable ? text : undefined, groupBy, window };
  }
  return {
    kind: 'metric',
    metricType: source.type,
    aggregate: toPreferredName(source.aggregate),
    filters: toVisibleFilters(source, scope),
    groupBy: source.groupBy.map(toPreferredName),
    window: source.windowMs,
    slowerThan: source.slowerThanMs,
    baseline: source.baselineMs,
    minimumIncrease: source.baselineMs === undefined ? undefined : source.minimumIncrease,
    of: source.anomaly && toPreferredName(source.anomaly.of),
    sensitivity: source.anomaly?.sensitivity,
    side: source.anomaly?.direction,
  };
}

/** Returns the filters. Callers limited to tenants see only names of these tenants. */
function toVisibleFilters({ filter }: Measure, { organizations, properties }: TenantScope) {
  const isVisible = (dimension: string, name: string) => {
    if (organizations === 'all') return true;
    if (dimension === 'organization') return organizations.includes(name);
    return dimension === 'property' && properties !== 'all' && properties.includes(name);
  };
  const entries = Object.entries(filter).flatMap(([dimension, names]) => {
    const visible = names.filter((name) => isVisible(dimension, name));
    return visible.length > 0 ? [[toPreferredName(dimension), visible] as const] : [];
  });
  return Object.fromEntries(entries);
}

function toValueView({ labels, value, alert }: GroupState, { hosts }: TenantScope): RuleValueView {
  return {
    labels: hosts ? labels : toReadableLabels(labels),
    value: Number.isFinite(value) ? value : undefined,
    state: alert?.state ?? 'inactive',
  };
}

function sortByWorst(groups: readonly GroupState[], { direction }: AlertRule): GroupState[] {
  const sign = direction === 'above' ? -1 : 1;
  const toState = ({ alert }: GroupState) => STATE_ORDER.indexOf(alert?.state ?? 'inactive');
  const toValue = ({ value }: GroupState) => (value === undefined ? Infinity : sign * value);
  return groups.toSorted((a, b) => toState(a) - toState(b) || compare(toValue(a), toValue(b)));
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
