import type { Dimension } from '../../../storage/queries/query-definition.ts';
import { findDimension } from './prometheus-metrics.ts';
import type { LabelMatcher } from './promql-expression.ts';
import { type Quantity, UntranslatableError } from './quantity.ts';

/** Labels of `by (…)` or `without (…)`. */
export interface Grouping {
  readonly labels: readonly string[];
  readonly isWithout: boolean;
}

export interface MappedMatchers extends Pick<Quantity, 'constants' | 'warnings'> {
  readonly filter: Readonly<Partial<Record<Dimension, readonly string[]>>>;
}

/**
 * Converts label matchers to a filter. Matchers that Perfscope has no filter for become warnings,
 * because the rule then applies to more series.
 *
 * @throws UntranslatableError if a pattern on a known label isn't a list of names
 */
export function mapMatchers(
  matchers: readonly LabelMatcher[],
  isHostMetric = false,
): MappedMatchers {
  const filter = new Map<Dimension, readonly string[]>();
  const constants = new Map<string, string>();
  const warnings: string[] = [];
  for (const { label, op, value } of matchers) {
    const text = `${label}${op}"${value}"`;
    // These matchers select all series with the label.
    const isAny = (op === '!=' && value === '') || (op === '=~' && /^\.[*+]$/.test(value));
    if (isAny) continue;
    if (op === '=') constants.set(label, value);
    const dimension = findDimension(label, isHostMetric);
    if (dimension === undefined || dimension === 'instance') {
      warnings.push(`the matcher \`${text}\` was removed: Perfscope has no such label`);
    } else if (op === '!=' || op === '!~') {
      warnings.push(`the matcher \`${text}\` was removed: a filter can't exclude values`);
    } else {
      const names = op === '=' ? [value] : splitAlternatives(value);
      if (names === undefined) {
        throw new UntranslatableError(
          `a filter can't contain the pattern \`${text}\``,
          "list the names, or use a SQL rule with a condition such as `endpoint LIKE '/api/%'`",
        );
      }
      filter.set(dimension, names);
    }
  }
  return { filter: Object.fromEntries(filter), constants: Object.fromEntries(constants), warnings };
}

/** Splits a pattern such as `a|b` or `(a|b)`. Returns undefined for other patterns. */
function splitAlternatives(pattern: string): string[] | undefined {
  const [, inner = pattern] = /^\^?\(?(?:\?:)?([^()]*)\)?\$?$/.exec(pattern) ?? [];
  const names = inner.split('|').map((name) => name.replaceAll(/\\([./-])/g, '$1'));
  const isPlain = names.every((name) => name !== '' && !/[\\*+?[\]{}^$()]/.test(name));
  // A dot in a name such as `/v1.0` is usually meant literally.
  return isPlain ? names : undefined;
}

/**
 * Converts the labels of `by (…)` to dimensions. Labels that Perfscope doesn't have become warnings.
 *
 * @param grouping undefined for an expression without an aggregation, which has one result per series
 * @param defaults dimensions of an expression without an aggregation
 */
export function mapGrouping(
  grouping: Grouping | undefined,
  defaults: readonly Dimension[],
  isHostMetric = false,
): { groupBy: readonly Dimension[]; notes: string[]; warnings: string[] } {
  if (!grouping || grouping.isWithout) {
    const notes = [`Prometheus evaluates each series; the rule groups by ${defaults.join(', ')}`];
    return { groupBy: defaults, notes, warnings: [] };
  }
  const groupBy = new Set<Dimension>();
  const warnings: string[] = [];
  for (const label of grouping.labels) {
    if (label === 'le') continue;
    const dimension = findDimension(label, isHostMetric);
    if (dimension) groupBy.add(dimension);
    else warnings.push(`the rule isn't grouped by \`${label}\`: Perfscope has no such label`);
  }
  return { groupBy: [...groupBy], notes: [], warnings };
}
