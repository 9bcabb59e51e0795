import { describe, expect, it } from 'vitest';
import { parseSeries } from '../../../../src/server/alerts/rule-tests/rule-test-file.ts';
import { runRuleTests } from '../../../../src/server/alerts/rule-tests/run-rule-tests.ts';
import { readRulesFile } from '../../../../src/server/alerts/rules/load-alert-rules.ts';
import { loadTestRules } from '../../../support/alert-rule-fixtures.ts';

const { rules } = loadTestRules(`rules:
  - name: own
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service], window: 5m }
    thresholds: { warning: 10, critical: 40 }
    for: 2m
    noDataAfter: 2m
    labels: { team: rooms }
    annotations: { summary: '{{ $labels.service }} {{ $value }}' }`);

const run = (text: string) => runRuleTests(text, 'test.yaml', rules);

const GOOD = `tests:
  - name: fires and resolves
    interval: 1m
    input_series:
      - { series: 'own{service="a"}', values: '0+10x5 0x5' }
      - { series: 'own{service="b"}', values: '1x10' }
    alert_rule_test:
      - { eval_time: 1m, rule: own }
      - eval_time: 3m
        rule: own
        exp_alerts:
          - { labels: { service: a, team: rooms }, state: pending, severity: warning }
      - eval_time: 4m
        rule: own
        exp_alerts:
          - { labels: { service: a }, state: firing, annotations: { summary: a 40 } }
      - { eval_time: 6m, rule: own }
`;

describe('rule tests', () => {
  it('pass if the alerts match the expectations', () => {
    expect(run(GOOD)).toEqual([{ name: 'fires and resolves', failures: [] }]);
  });

  it('report the line, the time, and the expected and found alerts if they do not match', () => {
    const [result] = run(GOOD.replace('state: firing', 'state: pending'));
    expect(result?.failures).toEqual([
      {
        file: 'test.yaml',
        line: 13,
        rule: 'own',
        evalMs: 240_000,
        expected: 'pending {"service":"a","summary":"a 40"}',
        found: 'warning firing {"team":"rooms","service":"a","summary":"a 40"}',
      },
    ]);
  });

  it('fail for an unexpected alert and for a missing alert', () => {
    const [unexpected] = run(
      GOOD.replace('- { eval_time: 1m, rule: own }', '- { eval_time: 3m, rule: own }'),
    );
    expect(unexpected?.failures).toMatchObject([{ line: 8, expected: 'no alert' }]);
    const [missing] = run(
      GOOD.replace("'1x10'", "'1x10'").replace(
        '{ eval_time: 6m, rule: own }',
        '{ eval_time: 6m, rule: own, exp_alerts: [{}] }',
      ),
    );
    expect(missing?.failures).toMatchObject([{ found: 'no alert' }]);
  });

  it('support gaps, stale series, and counts', () => {
    const text = (values: string, expected: string) => `tests:
  - input_series: [{ series: 'cpu{instance="x"}', values: '${values}' }]
    alert_rule_test: [{ eval_time: 12m, rule: cpu, exp_alerts: ${expected} }]`;
    expect(run(text('99x3 _x2 99x10', '[{ severity: critical }]'))[0]?.failures).toEqual([]);
    expect(run(text('99x3 stale', '[]'))[0]?.failures).toEqual([]);
    expect(run(text('99x12', '[{ severity: critical }]'))[0]?.failures).toEqual([]);
    const lowCounts = `tests:
  - input_series: [{ series: 'error-rate{service="x"}', values: 50x9, counts: 4x4 10x4 }]
    alert_rule_test:
      - { eval_time: 4m, rule: error-rate }
      - { eval_time: 5m, rule: error-rate, exp_alerts: [{ severity: critical }] }`;
    expect(run(lowCounts)[0]?.failures).toEqual([]);
  });

  it.each([
    [
      'tests:\n  - alert_rule_tests: []',
      /test.yaml:2:5: unknown key `alert_rule_tests`; did you mean `alert_rule_test`/,
    ],
    [
      GOOD.replace('rule: own }', 'rule: owm }'),
      /test.yaml:8:\d+: there is no rule `owm`; did you mean `own`/,
    ],
    [
      GOOD.replace('own{service="b"}', 'own{service=b}'),
      /test.yaml:6:\d+: .*such as `error-rate\{service="booking"\}`/,
    ],
    [GOOD.replace('1x10', '1y10'), /test.yaml:6:\d+: .*`1y10` is not a valid value/],
    [
      GOOD.replace('eval_time: 1m', 'eval_time: soon'),
      /test.yaml:8:\d+: `eval_time` must be a duration/,
    ],
    [GOOD.replace('1x10', '1x999999999'), /more than 100000 values/],
  ])('reject an invalid file (%#)', (text, message) => {
    expect(() => run(text)).toThrow(message);
  });
});

describe('promtool series notation', () => {
  it.each([
    ['1 2.5 -3', [1, 2.5, -3]],
    ['0+10x3', [0, 10, 20, 30]],
    ['1-2x2', [1, -1, -3]],
    ['5x2', [5, 5, 5]],
    ['-2+4x3', [-2, 2, 6, 10]],
    ['1 _ 2', [1, 'gap', 2]],
    ['_x3 1', ['gap', 'gap', 'gap', 1]],
    ['1 stale', [1, 'stale']],
    ['Inf -Inf', [Infinity, -Infinity]],
    ['', []],
  ])('%s', (text, samples) => {
    expect(parseSeries(text)).toEqual(samples);
  });
});

it.each([
  ['is missing', () => readRulesFile('missing.yaml'), /^missing\.yaml:1:1: can't be read: ENOENT/m],
  ['is invalid', () => run('test: []'), /^test\.yaml:1:1: /m],
])('does not mention a server if a test file %s', (_title, load, problem) => {
  expect(load).toThrow(problem);
  expect(load).toThrow(/^The file was rejected\. Fix this problem:|these 2 problems:/);
  expect(load).not.toThrow(/server/);
});
