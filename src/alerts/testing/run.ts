import { checked } from '../../entries/check.ts';
import { type LocatedProblem, type Report, rulesInvalid, suggest } from '../../entries/problems.ts';
import { parseSource, reporter } from '../../entries/source.ts';
import { evaluateRule, type RuleStates } from '../evaluate/rule.ts';
import type { Rule } from '../rules/rule.ts';
import { alertsOf, difference } from './compare.ts';
import { observedAt } from './feed.ts';
import { type RuleTest, testFile } from './test-file.ts';

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
  rules: readonly Rule[],
): readonly TestResult[] {
  const problems: LocatedProblem[] = [];
  const source = parseSource(fileName, fileText, problems);
  const report = source && reporter(source, [], problems);
  const file = report && checked(testFile, source.data, report);
  if (file) checkNames(file.tests, rules, report);
  if (!file || problems.length > 0) throw rulesInvalid(problems);
  return file.tests.map((test, i) => {
    const misses = missesOf(test, rules, file.evaluation_interval);
    return {
      name: test.name ?? `test ${i + 1}`,
      failures: misses.map(({ index, ...failure }) => {
        const { line } = source.locate(['tests', i, 'alert_rule_test', index]);
        return { file: fileName, line, ...failure };
      }),
    };
  });
}

function checkNames(tests: readonly RuleTest[], rules: readonly Rule[], report: Report): void {
  const names = rules.map(({ name }) => name);
  for (const [i, test] of tests.entries()) {
    const known = (path: readonly (string | number)[], name: string) => {
      if (names.includes(name)) return;
      report(['tests', i, ...path], `there is no rule \`${name}\`; ${suggest(name, names)}`);
    };
    for (const [j, { series }] of test.input_series.entries()) {
      known(['input_series', j, 'series'], series.rule);
    }
    for (const [j, { rule }] of test.alert_rule_test.entries()) {
      known(['alert_rule_test', j, 'rule'], rule);
    }
  }
}

type Miss = Omit<TestFailure, 'file' | 'line'> & { readonly index: number };

function missesOf(test: RuleTest, rules: readonly Rule[], evaluationMs?: number): Miss[] {
  return rules.flatMap((rule) => {
    const asked = test.alert_rule_test
      .map((expectation, index) => ({ ...expectation, index }))
      .filter((expectation) => expectation.rule === rule.name)
      .sort((a, b) => a.eval_time - b.eval_time);
    const own = test.input_series.filter(({ series }) => series.rule === rule.name);
    const timed = evaluationMs === undefined ? rule : { ...rule, intervalMs: evaluationMs };
    let states: RuleStates = new Map();
    let nextMs = 0;
    return asked.flatMap(({ eval_time, exp_alerts, index }): Miss[] => {
      // As in promtool, an expectation sees the last evaluation at or before its time.
      for (; nextMs <= eval_time; nextMs += timed.intervalMs) {
        const observed = observedAt(own, timed, test.interval, nextMs);
        states = evaluateRule(states, observed, timed, nextMs).states;
      }
      const wrong = difference(exp_alerts, alertsOf(states, timed));
      return wrong ? [{ index, rule: rule.name, evalMs: eval_time, ...wrong }] : [];
    });
  });
}
