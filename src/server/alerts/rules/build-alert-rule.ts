import { prefixReport, type ReportProblem } from '../../../core/config-files/config-validation.ts';
import { HOUR_MS } from '../../../core/duration.ts';
import { ALERT_SEVERITIES } from '../../../core/schema/enums.ts';
import { DIMENSIONS } from '../../../storage/queries/query-definition.ts';
import { FORECAST_LABELS } from '../../forecasts/observe-forecasts.ts';
import { BURN_RATE_ALERTS } from '../objectives/burn-rate-windows.ts';
import {
  type AlertRule,
  DEPLOY_LABELS,
  type DeployMeasure,
  type Measure,
  type RuleSource,
  type RuleThresholds,
  type TenantOverride,
  type ThresholdLevel,
} from './alert-rule.ts';
import type {
  AlertRuleConfig,
  MeasureConfig,
  TenantOverrideConfig,
  ThresholdsConfig,
} from './alert-rule-schema.ts';
import { parseTemplate } from './annotation-template.ts';
import { buildAnomaly, toValueThresholds } from './build-anomaly.ts';
import { checkDimensions, checkThresholdRange } from './check-measure.ts';
import { parseSqlRule } from './parse-sql-rule.ts';
import { DEFAULT_BASELINES_MS, getAggregate, INTERNAL_METRICS } from './rule-aggregates.ts';
import { buildEvidence } from './rule-evidence.ts';

/** Labels that Perfscope sets itself, as in the Prometheus metric `ALERTS`. */
const RESERVED_LABELS: readonly string[] = ['alertname', 'alertstate', 'severity'];

/** Builds a rule from its configuration. Returns `undefined` after reporting problems. */
export function buildAlertRule(
  written: AlertRuleConfig,
  intervalMs: number,
  report: ReportProblem,
): AlertRule | undefined {
  const entry = { ...written, ...toValueThresholds(written) };
  let isValid = true;
  const reportProblem: ReportProblem = (path, message, on) => {
    isValid = false;
    report(path, message, on);
  };
  const source = buildSource(written, reportProblem);
  const direction = getDirection(entry, reportProblem);
  const thresholds = buildRuleThresholds({ ...entry, direction }, reportProblem);
  if (thresholds.levels.length === 0 && entry.noData !== 'alert') {
    const message = '`thresholds` is missing: set at least one, such as `warning: 2000`';
    reportProblem(['thresholds'], message);
  }
  const { measure } = entry;
  if (measure) {
    checkThresholdRange(measure, entry.thresholds, reportProblem);
    for (const [i, tenant] of entry.tenants.entries()) {
      const reportTenant = prefixReport(reportProblem, 'tenants', i);
      checkThresholdRange(measure, tenant.thresholds ?? {}, reportTenant);
    }
  }
  const groups = source && getLabelNames(source);
  for (const name of Object.keys(entry.labels)) {
    if (RESERVED_LABELS.includes(name) || groups?.includes(name)) {
      reportProblem(['labels', name], `Perfscope sets the label \`${name}\` itself`, 'key');
    }
  }
  const labelNames = groups && [...groups, ...Object.keys(entry.labels)];
  const annotations = Object.entries(entry.annotations).map(([name, text]) => {
    const reportTemplate = (message: string) =>
      reportProblem(['annotations', name], `\`${name}\`: ${message}`);
    return [name, parseTemplate(text, labelNames, reportTemplate)] as const;
  });
  const tenants = entry.tenants.map((tenant, i) =>
    buildTenantOverride({ ...entry, direction }, tenant, prefixReport(reportProblem, 'tenants', i)),
  );
  checkTenants(entry, groups, reportProblem);
  const evidence = source && buildEvidence(entry, source, reportProblem);
  if (!source || !evidence || !isValid) return undefined;
  return {
    name: entry.name,
    source,
    evidence,
    intervalMs,
    ...thresholds,
    direction,
    forMs: entry.for,
    keepFiringForMs: entry.keepFiringFor,
    noData: entry.noData,
    noDataAfterMs: entry.noDataAfter,
    noDataSeverity: entry.noDataSeverity ?? thresholds.levels[0]?.severity ?? 'warning',
    noDataMinimumAgeMs: entry.noDataMinimumAge,
    target: entry.target,
    labels: entry.labels,
    annotations: Object.fromEntries(annotations),
    runbook: entry.runbook,
    tenants,
  };
}

/** The time until a limit is a problem if it is short, so the thresholds of forecasts are lower limits. */
function getDirection(
  { forecast, direction, noData }: ValueRuleConfig,
  report: ReportProblem,
): Direction {
  if (forecast === undefined) return direction;
  if (noData === 'alert') report(['noData'], "`forecast` doesn't support `noData: alert`");
  return 'below';
}

function buildSource(entry: AlertRuleConfig, report: ReportProblem): RuleSource | undefined {
  const { measure, sql, internal, burnRate, deploy, forecast } = entry;
  const kinds = [measure, sql, internal, burnRate, deploy, forecast].filter(
    (kind) => kind !== undefined,
  );
  if (kinds.length !== 1) {
    report(
      [],
      `\`${entry.name}\` must have exactly one of \`measure\`, \`sql\`, \`deploy\`, \`forecast\`, and \`internal\``,
    );
    return undefined;
  }
  if (burnRate) {
    if (entry.noData === 'alert')
      report(
        ['noData'],
        "`burnRate` doesn't support `noData: alert`: missing events use no budget",
      );
    return { kind: 'burnRate', speed: burnRate, windowMs: BURN_RATE_ALERTS[burnRate].longMs };
  }
  if (entry.window !== undefined && sql === undefined) {
    report(
      ['window'],
      'move `window` into `measure`; it is a top-level key only for `sql` rules',
      'key',
    );
  }
  if (entry.direction === 'both' && measure?.aggregate !== 'anomaly') {
    report(['direction'], '`direction: both` requires `aggregate: anomaly`');
  }
  if (measure) return buildMeasure(measure, entry.direction, prefixReport(report, 'measure'));
  if (deploy) return { kind: 'deploy', metric: deploy, windowMs: HOUR_MS } satisfies DeployMeasure;
  if (forecast) return { kind: 'forecast', subject: forecast, windowMs: HOUR_MS };
  if (internal) return { kind: 'internal', metric: internal };
  const sqlRule = parseSqlRule(sql ?? '', (message) => report(['sql'], `\`sql\` ${message}`));
  return sqlRule && { kind: 'sql', ...sqlRule, windowMs: entry.window ?? 300_000 };
}

/** Returns the label names of a rule's groups. */
function getLabelNames(source: RuleSource): readonly string[] {
  if (source.kind === 'measure') return source.groupBy;
  if (source.kind === 'burnRate') return ['objective', ...DIMENSIONS];
  if (source.kind === 'deploy') return DEPLOY_LABELS;
  if (source.kind === 'forecast') {
    const labels = FORECAST_LABELS[source.subject];
    return source.subject === 'errorBudget' ? [...labels, ...DIMENSIONS] : labels;
  }
  return source.kind === 'sql' ? source.labelNames : INTERNAL_METRICS[source.metric].labels;
}

/** Reports overrides that could never apply, because the rule isn't grouped by the tenant. */
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
          `\`tenants\` requires that the rule is grouped by \`${name}\``,
          'key',
        );
      }
    }
    const tenant = JSON.stringify([organization, property]);
    if (seen.has(tenant)) report(['tenants', i], 'this tenant is listed twice');
    seen.add(tenant);
  }
}

/** Builds a measure. Reports keys that are missing or don't fit the aggregate. */
function buildMeasure(
  entry: MeasureConfig,
  direction: AlertRuleConfig['direction'],
  report: ReportProblem,
): Measure {
  const { type, groupBy, window, slowerThan, baseline, minimumIncrease = 0 } = entry;
  const anomaly = buildAnomaly(entry, direction, report);
  // An anomaly rule has the dimensions and types of the aggregate that it watches.
  const aggregate = anomaly?.of ?? entry.aggregate;
  const definition = getAggregate(aggregate);
  if (definition.type === 'required' && type === undefined) {
    report(['type'], `\`type\` is missing: \`${aggregate}\` requires a metric type`);
  }
  if (definition.type === 'none' && type !== undefined) {
    report(['type'], `\`${aggregate}\` doesn't support \`type\``, 'key');
  }
  if (definition.parameter === 'slowerThan' && slowerThan === undefined) {
    report(
      ['slowerThan'],
      `\`slowerThan\` is missing: \`${aggregate}\` requires a duration, such as \`500ms\``,
    );
  }
  for (const key of ['slowerThan', 'baseline'] as const) {
    if (entry[key] !== undefined && definition.parameter !== key) {
      report([key], `\`${aggregate}\` doesn't support \`${key}\``, 'key');
    }
  }
  if (entry.minimumIncrease !== undefined && definition.parameter !== 'baseline') {
    report(['minimumIncrease'], `\`${aggregate}\` doesn't support \`minimumIncrease\``, 'key');
  }
  if (window === 0) report(['window'], '`window` must be longer than 0');
  if (baseline !== undefined && baseline <= window) {
    report(['baseline'], '`baseline` must be longer than `window`');
  }
  checkDimensions({ ...entry, aggregate }, report);
  const filter = Object.entries(entry.filter).map(([name, values]) => [name, [values].flat()]);
  return {
    kind: 'measure',
    aggregate: entry.aggregate,
    type,
    groupBy,
    windowMs: window,
    filter: Object.fromEntries(filter),
    slowerThanMs: slowerThan,
    baselineMs: baseline ?? DEFAULT_BASELINES_MS[aggregate],
    minimumIncrease,
    anomaly,
  };
}

type Direction = AlertRule['direction'];
/** A rule with the thresholds and the direction of its value. */
type ValueRuleConfig = AlertRuleConfig & { readonly direction: Direction };

/** Builds the thresholds of a rule. Reports a wrong order and a recovery beyond the threshold. */
function buildRuleThresholds(entry: ValueRuleConfig, report: ReportProblem): RuleThresholds {
  return {
    enabled: true,
    ...buildLevels(entry.thresholds, entry.recovery, entry.direction, report),
    minimumCount: entry.minimumCount,
  };
}

/** Builds an override. Thresholds of the tenant replace thresholds of the rule by severity. */
function buildTenantOverride(
  rule: ValueRuleConfig,
  tenant: TenantOverrideConfig,
  report: ReportProblem,
): TenantOverride {
  const thresholds = { ...rule.thresholds, ...tenant.thresholds };
  // If the tenant changes nothing, the problem is already reported for the rule.
  const hasOwnLevels = tenant.thresholds !== undefined || tenant.recovery !== undefined;
  return {
    organization: tenant.organization,
    property: tenant.property,
    enabled: tenant.enabled,
    ...buildLevels(
      thresholds,
      tenant.recovery ?? rule.recovery,
      rule.direction,
      hasOwnLevels ? report : () => {},
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
    const lower = levels[i - 1];
    if (!lower || sign * threshold > sign * lower.threshold) continue;
    const order = direction === 'above' ? 'greater' : 'less';
    report(
      [severity],
      `\`${severity}\` (${threshold}) must be ${order} than \`${lower.severity}\` (${lower.threshold}): the direction is \`${direction}\``,
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
  const isBeyond = direction === 'above' ? value > first.threshold : value < first.threshold;
  if (isBeyond) {
    const side = direction === 'above' ? 'at most' : 'at least';
    report(
      ['recovery'],
      `\`recovery\` (${value}) must be ${side} the first threshold (${first.severity}: ${first.threshold})`,
    );
  }
  return value;
}
