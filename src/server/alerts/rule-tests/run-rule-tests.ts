import type { Alert, Labels } from '../../../core/alerts/alert.ts';
import {
  type ConfigProblem,
  createRulesFileError,
  type ReportProblem,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
import { formatSuggestion } from '../../../core/config-files/format-suggestion.ts';
import { createReporter, parseYamlSource } from '../../../core/config-files/yaml-source.ts';
import { toAlert } from '../evaluation/alert-transition.ts';
import { evaluateRule, type RuleStates } from '../evaluation/evaluate-alert-rule.ts';
import type { Observation } from '../evaluation/observation.ts';
import { type AlertRule, getObservationWindowMs } from '../rules/alert-rule.ts';
import {
  type ExpectedAlert,
  type RuleTest,
  ruleTestFileSchema,
  type Sample,
} from './rule-test-file.ts';

/** A failed expectation. */
interface TestFailure {
  readonly file: string;
  /** Line of the expectation in the file, starting at 1. */
  readonly line: number;
  readonly rule: string;
  readonly evalMs: number;
  readonly expected: string;
  readonly found: string;
}

export interface TestResult {
  readonly name: string;
  readonly failures: readonly TestFailure[];
}

/**
 * Runs the tests of a file. Uses the same evaluation as the server, with the file's series as
 * input.
 *
 * @throws PS_RULES_INVALID if the file is invalid, with the line of each problem
 */
export function runRuleTests(
  fileText: string,
  fileName: string,
  rules: readonly AlertRule[],
): readonly TestResult[] {
  const problems: ConfigProblem[] = [];
  const source = parseYamlSource(fileName, fileText, problems, { hasNames: false });
  const report = source && createReporter(source, [], problems);
  const file = report && validateConfig(ruleTestFileSchema, source.data, report);
  if (file) checkRuleNames(file.tests, rules, report);
  if (!file || problems.length > 0) throw createRulesFileError(problems);
  return file.tests.map((test, i) => {
    const failures = findFailures(test, rules, file.evaluation_interval);
    return {
      name: test.name ?? `test ${i + 1}`,
      failures: failures.map(({ index, ...failure }) => {
        const { line } = source.locate(['tests', i, 'alert_rule_test', index]);
        return { file: fileName, line, ...failure };
      }),
    };
  });
}

function checkRuleNames(
  tests: readonly RuleTest[],
  rules: readonly AlertRule[],
  report: ReportProblem,
): void {
  const names = rules.map(({ name }) => name);
  for (const [i, test] of tests.entries()) {
    const checkName = (path: readonly (string | number)[], name: string) => {
      if (names.includes(name)) return;
      report(
        ['tests', i, ...path],
        `there is no rule \`${name}\`; ${formatSuggestion(name, names)}`,
      );
    };
    for (const [j, { series }] of test.input_series.entries()) {
      checkName(['input_series', j, 'series'], series.rule);
    }
    for (const [j, { rule }] of test.alert_rule_test.entries()) {
      checkName(['alert_rule_test', j, 'rule'], rule);
    }
  }
}

type IndexedFailure = Omit<TestFailure, 'file' | 'line'> & { readonly index: number };

function findFailures(
  test: RuleTest,
  rules: readonly AlertRule[],
  evaluationMs?: number,
): IndexedFailure[] {
  return rules.flatMap((rule) => {
    const expectations = test.alert_rule_test
      .map((expectation, index) => ({ ...expectation, index }))
      .filter((expectation) => expectation.rule === rule.name)
      .sort((a, b) => a.eval_time - b.eval_time);
    const inputs = test.input_series.filter(({ series }) => series.rule === rule.name);
    const timed = evaluationMs === undefined ? rule : { ...rule, intervalMs: evaluationMs };
    let states: RuleStates = new Map();
    let nextMs = 0;
    return expectations.flatMap(({ eval_time, exp_alerts, index }): IndexedFailure[] => {
      // As in promtool, an expectation applies to the last evaluation at or before its time.
      for (; nextMs <= eval_time; nextMs += timed.intervalMs) {
        const observed = getObservationsAt(inputs, timed, test.interval, nextMs);
        states = evaluateRule(states, observed, timed, nextMs).states;
      }
      const difference = compareAlerts(exp_alerts, getAlerts(states, timed));
      return difference ? [{ index, rule: rule.name, evalMs: eval_time, ...difference }] : [];
    });
  });
}

type InputSeries = RuleTest['input_series'][number];

/** Default count, which is enough for any rule. */
const DEFAULT_COUNT = 1_000_000;

/**
 * Returns the observations of the series at `atMs`. Each series contributes its newest sample if the
 * sample is within the rule's window and the series hasn't ended. A gap is not new data.
 */
function getObservationsAt(
  series: readonly InputSeries[],
  rule: AlertRule,
  intervalMs: number,
  atMs: number,
): Observation[] {
  return series.flatMap(({ series: { labels }, values, counts }): Observation[] => {
    const last = Math.min(Math.floor(atMs / intervalMs), values.length - 1);
    const newest = values.slice(0, last + 1).findLastIndex((sample) => sample !== 'gap');
    const value = values[newest];
    const newestMs = newest * intervalMs;
    const maxAgeMs = Math.max(getObservationWindowMs(rule), intervalMs);
    if (typeof value !== 'number' || atMs - newestMs >= maxAgeMs) return [];
    return [{ labels, value, count: getCountAt(counts, newest), newestMs }];
  });
}

function getCountAt(counts: readonly Sample[] | undefined, index: number): number {
  const count = counts?.[Math.min(index, counts.length - 1)];
  return counts === undefined ? DEFAULT_COUNT : typeof count === 'number' ? count : 0;
}

/** Returns the live alerts of a rule. */
function getAlerts(states: RuleStates, rule: AlertRule): Alert[] {
  return [...states.values()].flatMap(({ alert, value }) =>
    alert ? [toAlert(alert, rule, value)] : [],
  );
}

/**
 * Compares alerts with the expectations of a test. Each alert must match exactly one expectation.
 * Fields that an expectation omits always match.
 *
 * @returns both sides as text, or `undefined` if they match
 */
function compareAlerts(
  expected: readonly ExpectedAlert[],
  found: readonly Alert[],
): { expected: string; found: string } | undefined {
  const unmatched = [...found];
  const missing = expected.filter((expectation) => {
    const i = unmatched.findIndex((alert) => matchesExpectation(expectation, alert));
    if (i >= 0) unmatched.splice(i, 1);
    return i < 0;
  });
  if (missing.length === 0 && unmatched.length === 0) return undefined;
  return { expected: formatAlerts(expected), found: formatAlerts(found.map(toExpectedAlert)) };
}

function matchesExpectation(expected: ExpectedAlert, alert: Alert): boolean {
  return (
    (expected.severity === undefined || expected.severity === alert.severity) &&
    (expected.state === undefined || expected.state === alert.state) &&
    hasAllLabels(expected.labels, alert.labels) &&
    hasAllLabels(expected.annotations, alert.annotations)
  );
}

function hasAllLabels(expected: Labels, found: Labels): boolean {
  return Object.entries(expected).every(
    ([name, text]) => Object.hasOwn(found, name) && found[name] === text,
  );
}

function toExpectedAlert({ labels, severity, state, annotations }: Alert): ExpectedAlert {
  return { labels, severity, state, annotations };
}

function formatAlerts(alerts: readonly ExpectedAlert[]): string {
  if (alerts.length === 0) return 'no alert';
  return alerts
    .map(({ severity, state, labels, annotations }) => {
      const status = [severity, state].filter((part) => part !== undefined).join(' ');
      const texts = { ...labels, ...annotations };
      const details = Object.keys(texts).length > 0 ? JSON.stringify(texts) : '';
      return [status, details].filter((part) => part !== '').join(' ');
    })
    .join('\n');
}
