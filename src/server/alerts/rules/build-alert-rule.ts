import {
  formatSuggestion,
  prefixReport,
  type ReportProblem,
} from '../../../core/config-files/config-validation.ts';
import { DAY_MS } from '../../../core/duration.ts';
import { ALERT_SEVERITIES } from '../../../core/schema/enums.ts';
import { DIMENSIONS, type Dimension } from '../../../storage/queries/query.ts';
import type {
  AlertRule,
  InternalMeasure,
  Measure,
  RuleThresholds,
  SqlMeasure,
  TenantOverride,
  ThresholdLevel,
} from './alert-rule.ts';
import type {
  AlertRuleConfig,
  MeasureConfig,
  TenantOverrideConfig,
  ThresholdsConfig,
} from './alert-rule-schema.ts';
import { parseTemplate } from './annotation-template.ts';
import { parseSqlRule } from './parse-sql-rule.ts';
import { getAggregate, getRowSource, INTERNAL_METRICS } from './rule-aggregates.ts';

/** Names that the product itself gives to an alert's labels (Prometheus' `ALERTS`). */
const RESERVED_LABELS: readonly string[] = ['alertname', 'alertstate', 'severity'];

/** Makes the rule that `entry` says. @returns undefined after its problems have been reported */
export function buildAlertRule(
  entry: AlertRuleConfig,
  intervalMs: number,
  report: ReportProblem,
): AlertRule | undefined {
  let sound = true;
  const wrong: ReportProblem = (path, message, on) => {
    sound = false;
    report(path, message, on);
  };
  const source = buildSource(entry, wrong);
  const own = buildRuleThresholds(entry, wrong);
  if (own.levels.length === 0 && entry.noData !== 'alert') {
    wrong(['thresholds'], '`thresholds` is missing: name at least one, such as `warning: 2000`');
  }
  const groups = source && getLabelNames(source);
  for (const name of Object.keys(entry.labels)) {
    if (RESERVED_LABELS.includes(name) || groups?.includes(name)) {
      wrong(['labels', name], `the label \`${name}\` is given by Perfscope itself`, 'key');
    }
  }
  const labelNames = groups && [...groups, ...Object.keys(entry.labels)];
  const annotations = Object.entries(entry.annotations).map(([name, text]) => {
    const fail = (message: string) => wrong(['annotations', name], `\`${name}\`: ${message}`);
    return [name, parseTemplate(text, labelNames, fail)] as const;
  });
  const tenants = entry.tenants.map((tenant, i) =>
    buildTenantOverride(entry, tenant, prefixReport(wrong, 'tenants', i)),
  );
  checkTenants(entry, groups, wrong);
  if (!source || !sound) return undefined;
  return {
    name: entry.name,
    source,
    intervalMs,
    ...own,
    direction: entry.direction,
    forMs: entry.for,
    keepFiringForMs: entry.keepFiringFor,
    noData: entry.noData,
    noDataAfterMs: entry.noDataAfter,
    noDataSeverity: entry.noDataSeverity ?? own.levels[0]?.severity ?? 'warning',
    target: entry.target,
    labels: entry.labels,
    annotations: Object.fromEntries(annotations),
    runbook: entry.runbook,
    tenants,
  };
}

function buildSource(
  entry: AlertRuleConfig,
  report: ReportProblem,
): Measure | SqlMeasure | InternalMeasure | undefined {
  const { measure, sql, internal } = entry;
  const given = [measure, sql, internal].filter((kind) => kind !== undefined);
  if (given.length !== 1) {
    report([], `\`${entry.name}\` must have exactly one of \`measure\`, \`sql\` and \`internal\``);
    return undefined;
  }
  if (entry.window !== undefined && sql === undefined) {
    report(['window'], '`window` belongs into `measure`; only `sql` rules have it beside', 'key');
  }
  if (measure) return buildMeasure(measure, prefixReport(report, 'measure'));
  if (internal) return { kind: 'internal', metric: internal };
  const read = parseSqlRule(sql ?? '', (message) => report(['sql'], `\`sql\` ${message}`));
  return read && { kind: 'sql', ...read, windowMs: entry.window ?? 300_000 };
}

/** Names of the labels of a rule's groups. */
function getLabelNames(source: Measure | SqlMeasure | InternalMeasure): readonly string[] {
  if (source.kind === 'measure') return source.groupBy;
  return source.kind === 'sql' ? source.labelNames : INTERNAL_METRICS[source.metric].labels;
}

/** An override of a tenant that the groups do not name would never apply. */
function checkTenants(
  entry: AlertRuleConfig,
  groups: readonly string[] | undefined,
  report: ReportProblem,
): void {
  const seen = new Set<string>();
  for (const [i, { organization, property }] of entry.tenants.entries()) {
    for (const name of DIMENSIONS) {
      const used = name === 'organization' || (name === 'property' && property !== undefined);
      if (used && groups && !groups.includes(name)) {
        report(
          ['tenants', i, name],
          `\`tenants\` needs \`${name}\` among the groups of the rule`,
          'key',
        );
      }
    }
    const tenant = JSON.stringify([organization, property]);
    if (seen.has(tenant)) report(['tenants', i], 'this tenant is named twice');
    seen.add(tenant);
  }
}

/** What a measure asks of the rows. What does not fit together is reported. */
function buildMeasure(entry: MeasureConfig, report: ReportProblem): Measure {
  const { aggregate, type, groupBy, window, slowerThan, baseline } = entry;
  const words = getAggregate(aggregate);
  if (words.type === 'required' && type === undefined) {
    report(['type'], `\`type\` is missing: \`${aggregate}\` is computed of one metric type`);
  }
  if (words.type === 'none' && type !== undefined) {
    report(['type'], `\`${aggregate}\` takes no \`type\``, 'key');
  }
  if (words.parameter === 'slowerThan' && slowerThan === undefined) {
    report(
      ['slowerThan'],
      `\`slowerThan\` is missing: \`${aggregate}\` needs it, such as \`500ms\``,
    );
  }
  for (const key of ['slowerThan', 'baseline'] as const) {
    if (entry[key] !== undefined && words.parameter !== key) {
      report([key], `\`${aggregate}\` takes no \`${key}\``, 'key');
    }
  }
  if (window === 0) report(['window'], '`window` must be longer than 0');
  if (baseline !== undefined && baseline <= window) {
    report(['baseline'], '`baseline` must be longer than `window`');
  }
  const rows = getRowSource(aggregate);
  for (const [i, name] of groupBy.entries()) {
    if (rows.groupBy.includes(name)) continue;
    const words = `\`${aggregate}\` cannot be grouped by it; ${formatSuggestion(name, rows.groupBy)}`;
    report(['groupBy', i], `${rows.name} have no \`${name}\`: ${words}`);
  }
  for (const name of Object.keys(entry.filter) as Dimension[]) {
    if (rows.filter.includes(name)) continue;
    const words = `\`${aggregate}\` cannot be filtered by it; ${formatSuggestion(name, rows.filter)}`;
    report(['filter', name], `${rows.name} have no \`${name}\`: ${words}`, 'key');
  }
  const filter = Object.entries(entry.filter).map(([name, texts]) => [name, [texts].flat()]);
  return {
    kind: 'measure',
    aggregate,
    type,
    groupBy,
    windowMs: window,
    filter: Object.fromEntries(filter),
    slowerThanMs: slowerThan,
    baselineMs: words.parameter === 'baseline' ? (baseline ?? DAY_MS) : undefined,
  };
}

type Direction = AlertRuleConfig['direction'];

/** The rule's own judgement. Thresholds out of order and a recovery beyond them are reported. */
function buildRuleThresholds(entry: AlertRuleConfig, report: ReportProblem): RuleThresholds {
  return {
    enabled: true,
    ...buildLevels(entry.thresholds, entry.recovery, entry.direction, report),
    minimumCount: entry.minimumCount,
  };
}

/** A tenant's thresholds take the place of the rule's, severity by severity. */
function buildTenantOverride(
  rule: AlertRuleConfig,
  tenant: TenantOverrideConfig,
  report: ReportProblem,
): TenantOverride {
  const thresholds = { ...rule.thresholds, ...tenant.thresholds };
  // What the tenant does not change is the rule's own problem.
  const own = tenant.thresholds !== undefined || tenant.recovery !== undefined;
  return {
    organization: tenant.organization,
    property: tenant.property,
    enabled: tenant.enabled,
    ...buildLevels(
      thresholds,
      tenant.recovery ?? rule.recovery,
      rule.direction,
      own ? report : () => {},
    ),
    minimumCount: tenant.minimumCount ?? rule.minimumCount,
  };
}

function buildLevels(
  thresholds: ThresholdsConfig,
  recovery: AlertRuleConfig['recovery'],
  direction: Direction,
  report: ReportProblem,
): Pick<RuleThresholds, 'levels' | 'recovery'> {
  const levels = ALERT_SEVERITIES.flatMap((severity) => {
    const threshold = thresholds[severity];
    return threshold === undefined ? [] : [{ severity, threshold }];
  });
  checkLevelOrder(levels, direction, prefixReport(report, 'thresholds'));
  return { levels, recovery: computeRecovery(recovery, levels[0], direction, report) };
}

function checkLevelOrder(
  levels: readonly ThresholdLevel[],
  direction: Direction,
  report: ReportProblem,
): void {
  const sign = direction === 'above' ? 1 : -1;
  for (const [i, { severity, threshold }] of levels.entries()) {
    const milder = levels[i - 1];
    if (!milder || sign * threshold > sign * milder.threshold) continue;
    const order = direction === 'above' ? 'greater' : 'less';
    report(
      [severity],
      `\`${severity}\` (${threshold}) must be ${order} than \`${milder.severity}\` (${milder.threshold}): the direction is \`${direction}\``,
    );
  }
}

function computeRecovery(
  recovery: AlertRuleConfig['recovery'],
  first: ThresholdLevel | undefined,
  direction: Direction,
  report: ReportProblem,
): number | undefined {
  if (recovery === undefined || first === undefined) return undefined;
  const value =
    typeof recovery === 'number' ? recovery : (Number.parseFloat(recovery) / 100) * first.threshold;
  const beyond = direction === 'above' ? value > first.threshold : value < first.threshold;
  if (beyond) {
    const side = direction === 'above' ? 'at most' : 'at least';
    report(
      ['recovery'],
      `\`recovery\` (${value}) must be ${side} the first threshold (${first.severity}: ${first.threshold})`,
    );
  }
  return value;
}
