import { below, type Report } from '../../entries/problems.ts';
import { DIMENSIONS } from '../../windows/dimensions.ts';
import { parseTemplate } from '../template/template.ts';
import type { RuleEntry } from './entry.ts';
import { judgement, tenantOverride } from './levels.ts';
import { measureOf } from './measure.ts';
import type { InternalMeasure, Measure, Rule, SqlMeasure } from './rule.ts';
import { readSql } from './sql.ts';
import { INTERNAL_FIGURES } from './words.ts';

/** Names that the product itself gives to an alert's labels (Prometheus' `ALERTS`). */
const RESERVED: readonly string[] = ['alertname', 'alertstate', 'severity'];

/** Makes the rule that `entry` says. @returns undefined after its problems have been reported */
export function buildRule(entry: RuleEntry, intervalMs: number, report: Report): Rule | undefined {
  let sound = true;
  const wrong: Report = (path, message, on) => {
    sound = false;
    report(path, message, on);
  };
  const source = sourceOf(entry, wrong);
  const own = judgement(entry, wrong);
  if (own.levels.length === 0 && entry.noData !== 'alert') {
    wrong(['thresholds'], '`thresholds` is missing: name at least one, such as `warning: 2000`');
  }
  const groups = source && labelNamesOf(source);
  for (const name of Object.keys(entry.labels)) {
    if (RESERVED.includes(name) || groups?.includes(name)) {
      wrong(['labels', name], `the label \`${name}\` is given by Perfscope itself`, 'key');
    }
  }
  const labelNames = groups && [...groups, ...Object.keys(entry.labels)];
  const annotations = Object.entries(entry.annotations).map(([name, text]) => {
    const fail = (message: string) => wrong(['annotations', name], `\`${name}\`: ${message}`);
    return [name, parseTemplate(text, labelNames, fail)] as const;
  });
  const tenants = entry.tenants.map((tenant, i) =>
    tenantOverride(entry, tenant, below(wrong, 'tenants', i)),
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

function sourceOf(
  entry: RuleEntry,
  report: Report,
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
  if (measure) return measureOf(measure, below(report, 'measure'));
  if (internal) return { kind: 'internal', figure: internal };
  const read = readSql(sql ?? '', (message) => report(['sql'], `\`sql\` ${message}`));
  return read && { kind: 'sql', ...read, windowMs: entry.window ?? 300_000 };
}

/** Names of the labels of a rule's groups. */
function labelNamesOf(source: Measure | SqlMeasure | InternalMeasure): readonly string[] {
  if (source.kind === 'measure') return source.groupBy;
  return source.kind === 'sql' ? source.labelNames : INTERNAL_FIGURES[source.figure].labels;
}

/** An override of a tenant that the groups do not name would never apply. */
function checkTenants(
  entry: RuleEntry,
  groups: readonly string[] | undefined,
  report: Report,
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
