import type { Alert, Labels } from '../../../core/alerts/alert.ts';
import {
  type ConfigProblem,
  createRulesFileError,
  formatSuggestion,
  type ReportProblem,
  validateConfig,
} from '../../../core/config-files/config-validation.ts';
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

/** One expectation that was not met. */
interface TestFailure {
  readonly file: string;
  /** Line of the expectation in the file, from 1. */
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
 * Runs the tests of a file against rules: the same evaluation as live, fed by the file's series.
 *
 * @throws PS_RULES_INVALID with each problem of the file and its line
 */
export function runRuleTests(
  fileText: string,
  fileName: string,
  rules: readonly AlertRule[],
): readonly TestResult[] {
  const problems: ConfigProblem[] = [];
  const source = parseYamlSource(fileName, fileText, problems);
  const report = source && createReporter(source, [], problems);
  const file = report && validateConfig(ruleTestFileSchema, source.data, report);
  if (file) checkRuleNames(file.tests, rules, report);
  if (!file || problems.length > 0) throw createRulesFileError(problems);
  return file.tests.map((test, i) => {
    const misses = findFailures(test, rules, file.evaluation_interval);
    return {
      name: test.name ?? `test ${i + 1}`,
      failures: misses.map(({ index, ...failure }) => {
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
    const known = (path: readonly (string | number)[], name: string) => {
      if (names.includes(name)) return;
      report(
        ['tests', i, ...path],
        `there is no rule \`${name}\`; ${formatSuggestion(name, names)}`,
      );
    };
    for (const [j, { series }] of test.input_series.entries()) {
      known(['input_series', j, 'series'], series.rule);
    }
    for (const [j, { rule }] of test.alert_rule_test.entries()) {
      known(['alert_rule_test', j, 'rule'], rule);
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
    const asked = test.alert_rule_test
      .map((expectation, index) => ({ ...expectation, index }))
      .filter((expectation) => expectation.rule === rule.name)
      .sort((a, b) => a.eval_time - b.eval_time);
    const own = test.input_series.filter(({ series }) => series.rule === rule.name);
    const timed = evaluationMs === undefined ? rule : { ...rule, intervalMs: evaluationMs };
    let states: RuleStates = new Map();
    let nextMs = 0;
    return asked.flatMap(({ eval_time, exp_alerts, index }): IndexedFailure[] => {
      // As in promtool, an expectation sees the last evaluation at or before its time.
      for (; nextMs <= eval_time; nextMs += timed.intervalMs) {
        const observed = getObservationsAt(own, timed, test.interval, nextMs);
        states = evaluateRule(states, observed, timed, nextMs).states;
      }
      const wrong = compareAlerts(exp_alerts, getAlerts(states, timed));
      return wrong ? [{ index, rule: rule.name, evalMs: eval_time, ...wrong }] : [];
    });
  });
}

type InputSeries = RuleTest['input_series'][number];

/** A count that is enough for any rule, where a test names none. */
const DEFAULT_COUNT = 1_000_000;

/**
 * What a rule sees of the test's series at `atMs`: of each the newest sample, as long as it is
 * within the rule's window and the series has not ended. A gap is no new data.
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
    const seenMs = Math.max(getObservationWindowMs(rule), intervalMs);
    if (typeof value !== 'number' || atMs - newestMs >= seenMs) return [];
    return [{ labels, value, count: getCountAt(counts, newest), newestMs }];
  });
}

function getCountAt(counts: readonly Sample[] | undefined, index: number): number {
  const count = counts?.[Math.min(index, counts.length - 1)];
  return counts === undefined ? DEFAULT_COUNT : typeof count === 'number' ? count : 0;
}

/** The alerts of a rule that are going on. */
function getAlerts(states: RuleStates, rule: AlertRule): Alert[] {
  return [...states.values()].flatMap(({ alert, value }) =>
    alert ? [toAlert(alert, rule, value)] : [],
  );
}

/**
 * Holds alerts against what a test expects: each must be expected exactly once, by all that the
 * expectation names.
 *
 * @returns undefined when they agree, else both sides for people
 */
function compareAlerts(
  expected: readonly ExpectedAlert[],
  found: readonly Alert[],
): { expected: string; found: string } | undefined {
  const open = [...found];
  const missing = expected.filter((wanted) => {
    const i = open.findIndex((alert) => matchesExpectation(wanted, alert));
    if (i >= 0) open.splice(i, 1);
    return i < 0;
  });
  if (missing.length === 0 && open.length === 0) return undefined;
  return { expected: formatAlerts(expected), found: formatAlerts(found.map(toExpectedAlert)) };
}

function matchesExpectation(wanted: ExpectedAlert, alert: Alert): boolean {
  return (
    (wanted.severity === undefined || wanted.severity === alert.severity) &&
    (wanted.state === undefined || wanted.state === alert.state) &&
    hasAllLabels(wanted.labels, alert.labels) &&
    hasAllLabels(wanted.annotations, alert.annotations)
  );
}

function hasAllLabels(wanted: Labels, found: Labels): boolean {
  return Object.entries(wanted).every(
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
      const words = [severity, state].filter((word) => word !== undefined).join(' ');
      const named = { ...labels, ...annotations };
      const rest = Object.keys(named).length > 0 ? JSON.stringify(named) : '';
      return [words, rest].filter((part) => part !== '').join(' ');
    })
    .join('\n');
}
