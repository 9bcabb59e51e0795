import { isDeepStrictEqual } from 'node:util';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import { toLabelName } from '../../../core/vocabulary.ts';
import { mapExternalSeverity } from '../external/external-alert-labels.ts';
import { findOperationCounter } from './counter-calls.ts';
import { mapMatchers } from './label-mapping.ts';
import { toMissingDataRule } from './missing-data-rules.ts';
import type { PrometheusRule } from './prometheus-rule.ts';
import { computeNumber, type PromqlExpression } from './promql-expression.ts';
import { toQuantity } from './promql-quantities.ts';
import { type Quantity, UntranslatableError } from './quantity.ts';
import { translateAnnotation } from './translate-annotations.ts';
import type { Condition, TranslatedRule } from './translated-rule.ts';

export interface TranslateOptions {
  /** Severities by the values of the label `severity`. They replace the defaults. */
  readonly severities: ReadonlyMap<string, AlertSeverity>;
}

/**
 * Translates an alert rule.
 *
 * @param expression the parsed expression, with recording rules replaced by their expressions
 * @throws UntranslatableError with the reason and an alternative
 */
export function translateAlertRule(
  rule: PrometheusRule,
  expression: PromqlExpression,
  options: TranslateOptions,
): TranslatedRule {
  const notes: string[] = [];
  const severity = getSeverity(rule, options, notes);
  const condition =
    toMissingDataRule(expression, rule, severity) ?? toCondition(expression, rule, severity);
  const warnings = [...condition.warnings];
  const labels = translateLabels(rule, condition, warnings);
  const context = {
    labels: [...getLabels(condition.source), ...Object.keys(labels)],
    constants: condition.constants,
    unit: condition.unit,
    isConverted: condition.isConverted,
  };
  const { summary, runbook_url: runbookUrl, ...others } = rule.annotations;
  const main = summary ?? others.message ?? others.title ?? others.description;
  const texts = { ...(main !== undefined && { summary: main }), ...others };
  if (condition.isInverted && Object.values(texts).some((text) => text.includes('$value'))) {
    warnings.push('the value is now 100 % minus the original value; check the annotations');
  }
  const annotations = Object.entries(texts).map(
    ([name, text]) =>
      [name, translateAnnotation(text, context, (message) => warnings.push(message))] as const,
  );
  const { source, direction, thresholds, minimumCount, forMs, noData } = condition;
  return {
    ...{ original: rule, name: toRuleName(rule.name), source, direction, thresholds },
    ...{ minimumCount, forMs, noData, labels },
    keepFiringForMs: rule.keepFiringForMs,
    annotations: Object.fromEntries(annotations),
    runbook: runbookUrl !== undefined && /^https?:\/\//.test(runbookUrl) ? runbookUrl : undefined,
    notes: [...new Set([...condition.notes, ...notes])],
    warnings: [...new Set(warnings)],
  };
}

function toRuleName(name: string): string {
  const clean = name
    .replaceAll(/[^\w.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 90);
  return clean === '' ? 'imported' : clean;
}

function getSeverity(
  { labels }: PrometheusRule,
  { severities }: TranslateOptions,
  notes: string[],
): AlertSeverity {
  const { severity } = labels;
  if (severity === undefined) {
    notes.push('the rule has no label `severity`, so it is a `warning`');
    return 'warning';
  }
  const mapped = severities.get(severity) ?? mapExternalSeverity(severity);
  if (mapped !== severity) notes.push(`severity \`${severity}\` becomes \`${mapped}\``);
  return mapped;
}

function getLabels(source: TranslatedRule['source']): readonly string[] {
  return source.kind === 'measure' ? source.groupBy.map(toLabelName) : source.labels;
}

/** Labels that Perfscope sets itself. */
const RESERVED_LABELS: ReadonlySet<string> = new Set(['severity', 'alertname', 'alertstate']);

function translateLabels(
  { labels }: PrometheusRule,
  { source }: Condition,
  warnings: string[],
): Record<string, string> {
  const groups = getLabels(source);
  return Object.fromEntries(
    Object.entries(labels).filter(([name, value]) => {
      if (RESERVED_LABELS.has(name)) return false;
      const isKept = !groups.includes(name) && !value.includes('{{') && value.length <= 512;
      if (!isKept)
        warnings.push(`the label \`${name}\` was removed: it is computed for each alert`);
      return isKept;
    }),
  );
}

const COMPARISONS: ReadonlySet<string> = new Set(['>', '>=', '<', '<=', '==', '!=']);
const FLIPPED: Readonly<Record<string, string>> = { '>': '<', '>=': '<=', '<': '>', '<=': '>=' };

function toCondition(
  expression: PromqlExpression,
  rule: PrometheusRule,
  severity: AlertSeverity,
): Condition {
  if (expression.kind !== 'binary') throw createNoComparisonError();
  if (expression.op === 'and') return toLimitedCondition(expression, rule, severity);
  if (expression.op === 'or' || expression.op === 'unless') {
    throw new UntranslatableError(
      `the rule combines two conditions with \`${expression.op}\``,
      expression.op === 'or' ? 'write one rule for each condition' : 'use an inhibition',
    );
  }
  if (!COMPARISONS.has(expression.op)) throw createNoComparisonError();
  const { left, right, op } = expression;
  const [leftNumber, rightNumber] = [computeNumber(left), computeNumber(right)];
  const isFlipped = leftNumber !== undefined && rightNumber === undefined;
  const limit = isFlipped ? leftNumber : rightNumber;
  if (limit === undefined) {
    throw new UntranslatableError(
      'the rule compares two metrics',
      'use a SQL rule whose value is the difference or the ratio',
    );
  }
  const quantity = toQuantity(isFlipped ? right : left);
  return compare(quantity, isFlipped ? (FLIPPED[op] ?? op) : op, limit, rule, severity);
}

function createNoComparisonError(): UntranslatableError {
  return new UntranslatableError(
    'the expression does not compare a value with a number',
    'compare the value with a threshold, such as `> 5`',
  );
}

function compare(
  quantity: Quantity,
  op: string,
  limit: number,
  rule: PrometheusRule,
  severity: AlertSeverity,
): Condition {
  const { source, scale, offset, unit, isWhole = false, isMissingAtZero = false } = quantity;
  const { constants, notes, warnings } = quantity;
  const common = { source, constants, notes, warnings, unit, minimumCount: undefined };
  const isConverted = scale !== 1 || offset !== 0;
  const isInverted = scale < 0;
  const isZero = op === '==' && limit === 0;
  if (isZero && isMissingAtZero) {
    const noData = { afterMs: Math.max(rule.forMs, 60_000), severity, minimumAgeMs: 0 };
    const note = 'without operations there is no data, so the rule detects missing data';
    return {
      ...{
        ...common,
        isConverted,
        isInverted,
        direction: 'above',
        thresholds: {},
        forMs: 0,
        noData,
      },
      ...(source.kind === 'measure' && { source: { ...source, aggregate: 'count' as const } }),
      notes: [...notes, note],
    };
  }
  if ((op === '==' || op === '!=') && !(op === '!=' && limit === 0) && !(isZero && isWhole)) {
    throw new UntranslatableError(
      `Perfscope has no equivalent of \`${op} ${limit}\``,
      'compare with `>` or `<`',
    );
  }
  const isAbove = op.startsWith('>') || op === '!=';
  const includesLimit = op.endsWith('=') && op !== '!=';
  // A value equal to a threshold isn't a breach. For whole numbers, the rule is exact.
  const exact = isWhole && includesLimit ? limit + (isAbove ? -0.5 : 0.5) : limit;
  const threshold = Number((scale * exact + offset).toPrecision(12));
  const isBelow = scale < 0 ? isAbove : !isAbove;
  const canBeMissing = isBelow && isMissingAtZero;
  return {
    ...{
      ...common,
      isConverted,
      isInverted,
      direction: isBelow ? 'below' : 'above',
      forMs: rule.forMs,
    },
    thresholds: { [severity]: threshold },
    noData: canBeMissing
      ? { afterMs: Math.max(rule.forMs, 60_000), severity, minimumAgeMs: 0 }
      : undefined,
    notes: [
      ...notes,
      ...(includesLimit && !isWhole ? [`\`${op}\` becomes \`${op[0]}\``] : []),
      ...(canBeMissing ? ['a group without operations has no data, which is also an alert'] : []),
    ],
  };
}

/** Translates `A and B`, where B requires a minimum number of operations. */
function toLimitedCondition(
  { left, right }: Extract<PromqlExpression, { kind: 'binary' }>,
  rule: PrometheusRule,
  severity: AlertSeverity,
): Condition {
  const error = new UntranslatableError(
    'the rule combines two conditions with `and`',
    'Perfscope supports only a minimum number of operations; use a SQL rule for other conditions',
  );
  if (right.kind !== 'binary' || !['>', '>='].includes(right.op)) throw error;
  const minimum = computeNumber(right.right);
  const counter = findOperationCounter(right.left);
  const condition = toCondition(left, rule, severity);
  const { source } = condition;
  const countedType = source.kind === 'measure' ? source.type : source.countedType;
  const isSame = counter?.metric.part === 'count' && countedType === counter.metric.type;
  if (!isSame || minimum === undefined) throw error;
  const { filter } = mapMatchers(counter.selector.matchers);
  if (source.kind === 'measure' && !isDeepStrictEqual(filter, source.filter)) throw error;
  const count = counter.fn === 'increase' ? minimum : (minimum * source.windowMs) / 1000;
  const minimumCount = right.op === '>' ? Math.floor(count) + 1 : Math.ceil(count);
  return { ...condition, minimumCount: Math.max(minimumCount, 1) };
}
