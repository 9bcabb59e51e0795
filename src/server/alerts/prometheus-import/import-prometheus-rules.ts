import {
  type ConfigProblem,
  createRulesFileError,
} from '../../../core/config-files/config-validation.ts';
import { mergeByName } from '../rules/environment-thresholds.ts';
import { loadDefaultRules } from '../rules/load-default-rules.ts';
import { type MergedRule, mergeSeverities } from './merge-severities.ts';
import type { PrometheusRule, RulePosition } from './prometheus-rule.ts';
import { type PromqlExpression, PromqlSyntaxError, parsePromql } from './promql-expression.ts';
import { UntranslatableError } from './quantity.ts';
import { resolveRecordingRules } from './recording-rules.ts';
import { type TranslateOptions, translateAlertRule } from './translate-alert-rule.ts';
import type { TranslatedRule } from './translated-rule.ts';

/** An alert rule of Prometheus that Perfscope can't express. */
interface UntranslatedRule extends RulePosition {
  readonly name: string;
  readonly reason: string;
  /** What to do instead. */
  readonly alternative: string;
}

/** The result of an import. */
export interface ImportResult {
  readonly rules: readonly MergedRule[];
  readonly untranslated: readonly UntranslatedRule[];
  /** Recording rules, and whether a translated rule contains their expression. */
  readonly recordingRules: readonly (RulePosition & {
    readonly name: string;
    readonly isUsed: boolean;
  })[];
}

/**
 * Translates alert rules of Prometheus. Each rule is either translated, with its assumptions, or listed
 * with the reason why it can't be.
 *
 * @throws PS_RULES_INVALID if an expression isn't valid PromQL, with its line and column
 */
export function importPrometheusRules(
  rules: readonly PrometheusRule[],
  options: TranslateOptions,
): ImportResult {
  const parsed = parseExpressions(rules);
  const recording = new Map<string, PromqlExpression>();
  for (const [rule, expression] of parsed)
    if (rule.isRecording) recording.set(rule.name, expression);
  const used = new Set<string>();
  const translated: TranslatedRule[] = [];
  const untranslated: UntranslatedRule[] = [];
  for (const [rule, expression] of parsed) {
    if (rule.isRecording) continue;
    try {
      const names: string[] = [];
      const resolved = resolveRecordingRules(expression, recording, (name) => names.push(name));
      translated.push(translateAlertRule(rule, resolved, options));
      for (const name of names) used.add(name);
    } catch (error) {
      if (!(error instanceof UntranslatableError)) throw error;
      const { message: reason, alternative } = error;
      untranslated.push({ ...rule.exprPosition, name: rule.name, reason, alternative });
    }
  }
  return {
    rules: makeNamesUnique(mergeSeverities(translated)),
    untranslated,
    recordingRules: rules
      .filter(({ isRecording }) => isRecording)
      .map(({ name, file, line, column }) => ({
        name,
        file,
        line,
        column,
        isUsed: used.has(name),
      })),
  };
}

function parseExpressions(rules: readonly PrometheusRule[]): [PrometheusRule, PromqlExpression][] {
  const problems: ConfigProblem[] = [];
  const parsed = rules.flatMap((rule): [PrometheusRule, PromqlExpression][] => {
    try {
      return [[rule, parsePromql(rule.expr)]];
    } catch (error) {
      if (!(error instanceof PromqlSyntaxError)) throw error;
      const { offset, message } = error;
      const line = rule.expr.slice(0, offset).split('\n').length;
      const place = line > 1 ? ` (line ${line} of the expression)` : '';
      problems.push({
        ...rule.exprPosition,
        message: `\`expr\` of \`${rule.name}\`: ${message}${place}`,
      });
      return [];
    }
  });
  if (problems.length > 0) throw createRulesFileError(problems);
  return parsed;
}

/** A rule with the name of a built-in rule would change the built-in rule. */
function makeNamesUnique(rules: readonly MergedRule[]): MergedRule[] {
  const taken = new Set(mergeByName(loadDefaultRules(), 'rules', []).map(({ name }) => name));
  return rules.map((rule) => {
    let name = taken.has(rule.name) ? `${rule.name}-imported` : rule.name;
    for (let i = 2; taken.has(name); i++) name = `${rule.name}-${i}`;
    taken.add(name);
    return { ...rule, name };
  });
}
