import { formatRuleYaml } from '../rules/rule-definition.ts';
import type { ImportResult } from './import-prometheus-rules.ts';
import type { MergedRule } from './merge-severities.ts';
import { listSeverities } from './translated-rule.ts';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** Formats a duration as rules files contain it, such as `90s` or `5m`. */
function formatRuleDuration(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms % size === 0) ?? ['ms', 1];
  return `${Math.round(ms / size)}${unit}`;
}

/** Returns the configuration of an imported rule, with the keys of a rules file. */
export function toRuleConfig(rule: MergedRule): Record<string, unknown> {
  const { source, noData, direction, thresholds, minimumCount, forMs, keepFiringForMs } = rule;
  const severities = listSeverities(thresholds);
  const hasThresholds = severities.length > 0;
  const isCompared =
    hasThresholds && source.kind === 'measure' && canHaveConfidence(source.aggregate);
  return {
    name: rule.name,
    ...(source.kind === 'sql'
      ? { sql: source.sql, window: formatRuleDuration(source.windowMs) }
      : { measure: toMeasureConfig(source) }),
    ...(direction === 'below' && { direction }),
    ...(hasThresholds && {
      thresholds: Object.fromEntries(
        severities.map((severity) => [severity, thresholds[severity]]),
      ),
    }),
    // As in Prometheus, the value itself is compared with the threshold.
    ...(isCompared && { confidence: 'none' }),
    ...(minimumCount !== undefined && { minimumCount }),
    ...(forMs > 0 && { for: formatRuleDuration(forMs) }),
    ...(keepFiringForMs > 0 && { keepFiringFor: formatRuleDuration(keepFiringForMs) }),
    ...(noData && {
      noData: 'alert',
      noDataAfter: formatRuleDuration(noData.afterMs),
      noDataSeverity: noData.severity,
      ...(noData.minimumAgeMs > 0 && { noDataMinimumAge: formatRuleDuration(noData.minimumAgeMs) }),
    }),
    ...(Object.keys(rule.labels).length > 0 && { labels: rule.labels }),
    ...(Object.keys(rule.annotations).length > 0 && { annotations: rule.annotations }),
    ...(rule.runbook !== undefined && { runbook: rule.runbook }),
  };
}

/** Shares, and means whose largest value could otherwise be excluded. */
function canHaveConfidence(aggregate: string): boolean {
  return ['error_ratio', 'slow_share', 'failure_rate', 'mean'].includes(aggregate);
}

function toMeasureConfig(source: Extract<MergedRule['source'], { kind: 'measure' }>) {
  const { type, aggregate, filter, groupBy, windowMs, slowerThanMs } = source;
  const entries = Object.entries(filter).map(([name, values]) => [
    name,
    values?.length === 1 ? values[0] : values,
  ]);
  return {
    ...(type !== undefined && { type }),
    aggregate,
    ...(slowerThanMs !== undefined && { slowerThan: formatRuleDuration(slowerThanMs) }),
    ...(entries.length > 0 && { filter: Object.fromEntries(entries) as object }),
    ...(groupBy.length > 0 && { groupBy }),
    window: formatRuleDuration(windowMs),
  };
}

/**
 * Formats the result of an import as a rules file. Comments contain the original rules, assumptions, and
 * the rules that could not be translated.
 */
export function formatImportedRules({ rules, untranslated }: ImportResult): string {
  const entries = rules.map((rule) => {
    const data = toRuleConfig(rule);
    const yaml = formatRuleYaml({ source: 'file', overridden: false, data });
    return `${formatComments(rule)}${yaml.replace(/^rules:\n/, '')}`;
  });
  const missing = untranslated.map(({ name, file, line, column, reason, alternative }) =>
    formatComment(
      '',
      `Not translated: ${name} (${file}:${line}:${column}): ${reason}. Alternative: ${alternative}.`,
    ),
  );
  return [
    '# Translated from Prometheus rules. Check the comments before you use the rules.\n',
    rules.length > 0 ? `rules:\n${entries.join('\n')}` : 'rules: []\n',
    ...(missing.length > 0 ? [`\n${missing.join('')}`] : []),
  ].join('');
}

function formatComments({ originals, notes, warnings }: MergedRule): string {
  return [
    ...originals.flatMap(({ name, file, line, expr }) => [
      `${name} (${file}:${line}):`,
      ...expr
        .trim()
        .split('\n')
        .map((text) => `  ${text.trim()}`),
    ]),
    ...notes.map((note) => `Note: ${note}.`),
    ...warnings.map((warning) => `Warning: ${warning}.`),
  ]
    .map((line) => formatComment('  ', line))
    .join('');
}

function formatComment(indent: string, text: string): string {
  return `${indent}# ${text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')}\n`;
}
