import { listSeverities, type TranslatedRule } from './translated-rule.ts';

/**
 * Joins rules that differ only in their severity, threshold, name, and texts into one rule with several
 * thresholds. Other rules are returned unchanged, in their order.
 */
export function mergeSeverities(rules: readonly TranslatedRule[]): MergedRule[] {
  const merged: MergedRule[] = [];
  const byKey = new Map<string, number>();
  for (const rule of rules) {
    const key = toKey(rule);
    const index = byKey.get(key);
    const other = index === undefined ? undefined : merged[index];
    const joined = other && join(other, rule);
    if (joined && index !== undefined) merged[index] = joined;
    else {
      byKey.set(key, merged.length);
      merged.push({ ...rule, originals: [rule.original] });
    }
  }
  return merged;
}

/** A translated rule with the rules that it replaces. */
export interface MergedRule extends TranslatedRule {
  readonly originals: readonly TranslatedRule['original'][];
}

function toKey(rule: TranslatedRule): string {
  const { source, direction, minimumCount, forMs, keepFiringForMs, noData, labels } = rule;
  const afterMs = noData?.afterMs;
  return JSON.stringify([source, direction, minimumCount, forMs, keepFiringForMs, afterMs, labels]);
}

function join(a: MergedRule, b: TranslatedRule): MergedRule | undefined {
  const [first] = listSeverities(b.thresholds);
  if (first === undefined || listSeverities(a.thresholds).includes(first)) return undefined;
  const thresholds = { ...a.thresholds, ...b.thresholds };
  const values = listSeverities(thresholds).map((severity) => thresholds[severity]!);
  const sign = a.direction === 'above' ? 1 : -1;
  const isOrdered = values.every((value, i) => i === 0 || sign * value > sign * values[i - 1]!);
  if (!isOrdered) return undefined;
  return {
    ...a,
    name: joinNames(a.name, b.name),
    thresholds,
    runbook: a.runbook ?? b.runbook,
    notes: [...new Set([...a.notes, ...b.notes])],
    warnings: [...new Set([...a.warnings, ...b.warnings])],
    originals: [...a.originals, b.original],
  };
}

/** Removes the severity from names such as `HighErrorRateWarning`. */
function joinNames(a: string, b: string): string {
  const words = /[-_.]?(?:warning|warn|critical|crit|high|medium|page|info|severe)$/i;
  const [shortA, shortB] = [a.replace(words, ''), b.replace(words, '')];
  return shortA === shortB && shortA !== '' ? shortA : a;
}
