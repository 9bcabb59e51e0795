import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { collectDeprecatedNames } from '../../../../src/core/vocabulary.ts';
import {
  formatImportedRules,
  toRuleConfig,
} from '../../../../src/server/alerts/prometheus-import/format-imported-rules.ts';
import {
  type ImportResult,
  importPrometheusRules,
} from '../../../../src/server/alerts/prometheus-import/import-prometheus-rules.ts';
import { readPrometheusRules } from '../../../../src/server/alerts/prometheus-import/read-prometheus-rules.ts';
import { isBeyond } from '../../../../src/server/alerts/rules/alert-rule.ts';
import { loadAlertRules } from '../../../../src/server/alerts/rules/load-alert-rules.ts';

const { settings } = parseSettings({});
const FIXTURES = ['node-app.yml', 'hosts.yml'].map(
  (name) => `test/support/prometheus-rules/${name}`,
);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

function importText(text: string, severities = new Map()): ImportResult {
  const rules = readPrometheusRules(['rules.yml'], (name) => ({ name, text }));
  return importPrometheusRules(rules, { severities });
}

/** Imports one rule with an expression, and other keys of the rule in YAML. */
function importRule(expr: string, more = 'for: 0s'): ImportResult {
  const rule = `alert: Test\n    expr: ${JSON.stringify(expr)}\n    ${more}`;
  return importText(`groups:\n- name: g\n  rules:\n  - ${rule}\n`);
}

/** Returns the configuration of the rule for an expression. */
function translate(expr: string, more?: string): Record<string, unknown> {
  const { rules, untranslated } = importRule(expr, more);
  expect(untranslated).toEqual([]);
  const config = toRuleConfig(rules[0]!);
  load(formatImportedRules({ rules, untranslated, recordingRules: [] }));
  return config;
}

/** Loads a rules file as the server does. */
function load(text: string) {
  const { value, notices } = collectDeprecatedNames(() =>
    loadAlertRules(settings, { name: 'imported.yaml', text }),
  );
  expect(notices).toEqual([]);
  return value.rules;
}

it('translates public rule sets to a file that the server accepts', () => {
  const result = importPrometheusRules(readPrometheusRules(FIXTURES), { severities: new Map() });
  const text = formatImportedRules(result);
  const names = load(text).map(({ name }) => name);
  for (const { name } of result.rules) expect(names).toContain(name);
  expect(result.rules.length).toBe(23);
  expect(result.untranslated.map(({ name }) => name)).toEqual([
    'StatusInOtherWords',
    'OrdersDropped',
    'AlertStorm',
    'TopRoutes',
    'NodeFilesystemSpaceFillingUp',
    'NodeNetworkReceiveErrs',
    'KubePodCrashLooping',
    'KubeDeploymentReplicasMismatch',
    'Watchdog',
  ]);
  for (const { reason, alternative } of result.untranslated) {
    expect(reason).not.toBe('');
    expect(alternative).not.toBe('');
  }
  expect(text).toContain(
    '# Not translated: TopRoutes (test/support/prometheus-rules/node-app.yml:',
  );
  expect(result.recordingRules.map(({ name, isUsed }) => [name, isUsed])).toEqual([
    ['job:http_errors:ratio_rate5m', true],
    ['instance:unused:sum', false],
  ]);
});

describe('expressions', () => {
  const requests = { type: 'API_RESPONSE_TIME' };
  it.each<[string, object, object]>([
    [
      'sum by (route) (rate(http_requests_total{job="shop",status=~"5.."}[5m])) / sum by (route) (rate(http_requests_total{job="shop"}[5m])) > 0.05',
      {
        ...requests,
        aggregate: 'error_ratio',
        filter: { service: 'shop' },
        groupBy: ['endpoint'],
        window: '5m',
      },
      { thresholds: { warning: 5 }, confidence: 'none' },
    ],
    [
      '100 * sum(rate(http_requests_total{code!~"5.."}[5m])) / sum(rate(http_requests_total[5m])) < 99',
      { ...requests, aggregate: 'error_ratio', window: '5m' },
      { thresholds: { warning: 1 } },
    ],
    [
      'sum(rate(http_errors_total[10m])) / sum(rate(http_requests_total[10m])) > 0.1',
      { ...requests, aggregate: 'error_ratio', window: '10m' },
      { thresholds: { warning: 10 } },
    ],
    [
      '0.5 < histogram_quantile(0.99, sum(rate(http_server_request_duration_seconds_bucket[5m])) by (le, job))',
      { ...requests, aggregate: 'p99', groupBy: ['service'], window: '5m' },
      { thresholds: { warning: 500 } },
    ],
    [
      'histogram_quantile(0.9, rate(db_client_operation_duration_bucket[5m])) > 0.2',
      { type: 'DATABASE_QUERY_TIME', aggregate: 'p90', groupBy: ['service'], window: '5m' },
      { thresholds: { warning: 200 } },
    ],
    [
      'sum(rate(http_client_request_duration_milliseconds_sum[5m])) / sum(rate(http_client_request_duration_milliseconds_count[5m])) > 300',
      { type: 'OUTGOING_REQUEST_TIME', aggregate: 'mean', window: '5m' },
      { thresholds: { warning: 300 }, confidence: 'none' },
    ],
    [
      'sum(increase(http_requests_total[1h])) > 1000',
      { ...requests, aggregate: 'count', window: '1h' },
      { thresholds: { warning: 1000 } },
    ],
    [
      'sum by (job) (rate(http_requests_total[5m])) < 0.1',
      { ...requests, aggregate: 'rate', groupBy: ['service'], window: '5m' },
      { direction: 'below', thresholds: { warning: 6 }, noData: 'alert', noDataAfter: '1m' },
    ],
    [
      'max by (job) (nodejs_eventloop_lag_seconds) > 0.1',
      {
        ...{ type: 'EVENT_LOOP_DELAY', aggregate: 'max', groupBy: ['service'], window: '5m' },
        filter: { name: 'nodejs.eventloop.delay.mean' },
      },
      { thresholds: { warning: 100 } },
    ],
    [
      'avg_over_time(process_resident_memory_bytes{job="shop"}[15m]) > 2 * 1024 ^ 3',
      {
        ...{ type: 'CUSTOM', aggregate: 'mean', groupBy: ['service', 'instance'], window: '15m' },
        filter: { service: 'shop', name: 'process.memory.usage' },
      },
      { thresholds: { warning: 2147483648 } },
    ],
    [
      'bull_queue_waiting{queue="mail"} == 0',
      { aggregate: 'depth', filter: { queue: 'mail' }, groupBy: ['queue'], window: '5m' },
      { direction: 'below', thresholds: { warning: 0.5 } },
    ],
    [
      '(1 - avg by (instance) (irate(node_cpu_seconds_total{mode="idle"}[5m]))) * 100 > 90',
      { type: 'CPU_USAGE', aggregate: 'mean', groupBy: ['host'], window: '5m' },
      { thresholds: { warning: 90 } },
    ],
    [
      'node_filesystem_avail_bytes{mountpoint="/"} / node_filesystem_size_bytes{mountpoint="/"} <= 0.05',
      { type: 'DISK_USAGE', aggregate: 'last', groupBy: ['host'], window: '5m' },
      { thresholds: { warning: 95 } },
    ],
  ])('%s', (expr, measure, others) => {
    const config = translate(expr);
    expect(config.measure).toEqual(measure);
    expect(config).toMatchObject(others);
    if (!('direction' in others)) expect(config).not.toHaveProperty('direction');
  });

  it.each([
    ['up{job="shop"} == 0', { service: 'shop' }],
    ['up < 1', undefined],
    ['absent(up{job=~"a|b"})', { service: ['a', 'b'] }],
    ['absent_over_time(http_requests_total{job="shop"}[10m])', { service: 'shop' }],
  ])('%s becomes a rule about missing data', (expr, filter) => {
    const config = translate(expr, 'for: 5m');
    expect(config).toMatchObject({ noData: 'alert', noDataAfter: '5m', noDataSeverity: 'warning' });
    expect(config).not.toHaveProperty('thresholds');
    expect((config.measure as { filter?: object }).filter).toEqual(filter);
  });

  it('writes SQL for metrics of the application', () => {
    const { sql, window } = translate(
      'sum by (channel) (rate(orders_total{job="shop",kind=~"a|b",note="it\'s"}[10m])) > 1',
    );
    expect(window).toBe('10m');
    expect(
      sql,
    ).toBe(`SELECT json_extract(tags, '$.channel') AS channel, sum(value) / 600.0 AS value, max(timestamp) AS newest
FROM performance_metrics
WHERE in_window() AND in_scope()
  AND metric_type = 'CUSTOM'
  AND test = false
  AND name IN ('orders_total', 'orders')
  AND service IN ('shop')
  AND json_extract(tags, '$.kind') ~ '^(?:a|b)$'
  AND json_extract(tags, '$.note') = 'it''s'
GROUP BY json_extract(tags, '$.channel')
`);
  });

  it.each([
    ['rate(http_requests_total[5m] offset 1h) > 1', '`offset`', 'spike'],
    ['rate(http_requests_total{route=~"/api/.*"}[5m]) > 1', 'pattern', 'LIKE'],
    ['http_requests_total > 100', 'counter', 'rate'],
    [
      'histogram_quantile(0.42, rate(http_request_duration_seconds_bucket[5m])) > 1',
      '0.42',
      '0.95',
    ],
    ['rate(http_requests_total[5m]) > rate(orders_total[5m])', 'two metrics', 'SQL'],
    ['a > 1 or b > 2', '`or`', 'one rule for each'],
    ['deriv(x[5m]) > 0', '`deriv`', 'disk'],
    ['kube_pod_status_ready == 0', "doesn't measure", 'keep the rule in Prometheus'],
    ['job:unknown:rate5m > 1', 'recording rule', 'import the file'],
    ['ALERTS{alertstate="firing"} == 1', '`ALERTS`', 'inhibition'],
    ['time() - last_backup_time > 86400', 'two metrics', 'SQL'],
    ['{job="x"} > 1', 'without a metric name', 'SQL'],
    ['x[5m:1m] > 1', 'subquery', 'SQL'],
    ['rate(http_requests_total[5m]) * 0 > 1', 'by 0', 'correct'],
  ])('lists %s', (expr, reason, alternative) => {
    const { rules, untranslated } = importRule(expr);
    expect(rules).toEqual([]);
    expect(untranslated.length).toBe(1);
    expect(untranslated[0]).toMatchObject({ file: 'rules.yml', line: 5, column: 11, name: 'Test' });
    expect(untranslated[0]?.reason).toContain(reason);
    expect(untranslated[0]?.alternative).toContain(alternative);
  });

  it('warns about matchers and groups that Perfscope does not have', () => {
    const { rules } = importRule(
      'sum by (job, pod) (rate(http_requests_total{namespace="prod",route!="/health",job=~".+"}[5m])) > 1',
    );
    expect(rules[0]?.warnings).toEqual([
      'the matcher `namespace="prod"` was removed: Perfscope has no such label',
      'the matcher `route!="/health"` was removed: a filter can\'t exclude values',
      "the rule isn't grouped by `pod`: Perfscope has no such label",
    ]);
  });
});

describe('rules', () => {
  it('maps severities, and joins rules that differ only in their severity', () => {
    const rule = (name: string, limit: number, severity: string) =>
      `  - alert: ${name}\n    expr: sum(rate(http_requests_total[5m])) > ${limit}\n    labels: { severity: ${severity} }\n`;
    const text = `groups:\n- name: g\n  rules:\n${rule('TrafficInfo', 1, 'info')}${rule('TrafficPage', 3, 'page')}${rule('TrafficTicket', 2, 'ticket')}`;
    const { rules } = importText(text, new Map([['ticket', 'medium']]));
    expect(rules.map(({ name, thresholds }) => [name, thresholds])).toEqual([
      ['Traffic', { warning: 60, medium: 120, critical: 180 }],
    ]);
    // The order of thresholds must match the order of severities.
    const wrong = `groups:\n- name: g\n  rules:\n${rule('A', 5, 'warning')}${rule('B', 3, 'critical')}`;
    expect(importText(wrong).rules.length).toBe(2);
  });

  it('never changes built-in rules, and gives each rule its own name', () => {
    const text = ['cpu', 'cpu', 'error rate'].map(
      (name, i) => `  - { alert: "${name}", expr: "custom_gauge > ${i}" }\n`,
    );
    const { rules } = importText(`groups:\n- name: g\n  rules:\n${text.join('')}`);
    expect(rules.map(({ name }) => name)).toEqual(['cpu-imported', 'cpu-2', 'error-rate-imported']);
  });

  it.each([
    ['{{ $value }}s', '{{ $value | humanizeDuration }}'],
    ['{{ $value | humanizeDuration }}', '{{ $value | humanizeDuration }}'],
    ['{{ printf "%.2f" $value }} seconds', '{{ $value | humanizeDuration }}'],
    ['{{ $value | printf "%.0fs" }}!', '{{ $value | humanizeDuration }}s!'],
    ['{{ $labels.job }} {{ $labels.team }}', '{{ $labels.service }} (team)'],
    ['{{ humanize $value }}', '{{ $value | humanizeDuration }}'],
    ['{{ .Labels.job | toUpper }}', '{{ $labels.service }}'],
    ['a {{ with query "up" }}b{{ end }}', 'a b'],
    ['{{ $externalLabels.cluster }}x', 'x'],
  ])('translates the annotation %s', (text, expected) => {
    const { annotations } = translate(
      'histogram_quantile(0.95, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m]))) > 1',
      `annotations: { summary: ${JSON.stringify(text)} }`,
    );
    expect((annotations as { summary: string }).summary).toBe(expected);
  });
});

describe('files', () => {
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const RULES = 'groups:\n- name: g\n  rules:\n  - { alert: A, expr: "up == 0" }\n';

  it('follows the rule_files of a Prometheus configuration', () => {
    write('one.rules.yml', RULES);
    write('two.rules.yml', RULES.replace('alert: A', 'alert: B'));
    const config = write('prometheus.yml', 'rule_files: ["*.rules.yml", one.rules.yml]\n');
    expect(readPrometheusRules([config]).map(({ name }) => name)).toEqual(['A', 'B']);
  });

  it('accepts PrometheusRule objects of Kubernetes', () => {
    const spec = `kind: PrometheusRule\nspec:\n  ${RULES.replaceAll('\n', '\n  ')}`;
    expect(importText(spec).rules.map(({ name }) => name)).toEqual(['A']);
  });

  it.each([
    [
      '[]',
      '1:1: this is not a file with Prometheus rules. A Prometheus rule file contains `groups`',
    ],
    ['rules: [{ name: a }]', 'looks like a rules file of Perfscope'],
    ['route: { receiver: x }\nreceivers: []', 'looks like a configuration of Alertmanager'],
    ['scrape_configs: []', 'has no `rule_files`'],
    ['rule_files: [missing/*.yml]', '1:14: no file matches `missing/*.yml`'],
    ['groups: [', 'is not valid YAML'],
    [
      'groups:\n- name: g\n  rules:\n  - { alrt: A, expr: up }',
      '4:5: a rule must have exactly one of',
    ],
    [
      'groups:\n- name: g\n  rules:\n  - { alert: A, expr: up, fro: 5m }',
      '4:27: unknown key `fro`; did you mean `for`',
    ],
    [
      'groups:\n- name: g\n  rules:\n  - { alert: A, expr: up, for: soon }',
      '4:32: `for` must be a duration of Prometheus',
    ],
    ['groups:\n- name: g\n  rules:\n  - alert: A', '`expr` is missing'],
    [
      'groups:\n- name: g\n  rules:\n  - { alert: A, expr: "sum(up" }',
      '4:23: `expr` of `A`: the expression is not valid PromQL at the end',
    ],
    ['groups:\n- name: g\n  rules:\n  - { alert: A, expr: "up >> 1" }', 'near `> 1`'],
    [
      'groups:\n- name: g\n  rules:\n  - { alert: A, expr: "rate(up[5x]) > 1" }',
      'not valid PromQL',
    ],
    ['groups:\n- rules: []', '`name` is missing'],
  ])('reports %j with its position', (text, message) => {
    const path = write('broken.yml', text);
    expect(() =>
      importPrometheusRules(readPrometheusRules([path]), { severities: new Map() }),
    ).toThrow(message);
  });
});

/** Factor and summand of a linear expression around an error rate. */
const linear = fc.record({
  factor: fc.constantFrom(1, 100, -1, 0.5, -100),
  summand: fc.constantFrom(0, 1, -3, 100),
  op: fc.constantFrom('>', '<'),
  limit: fc.integer({ min: -50, max: 150 }),
  isSwapped: fc.boolean(),
});

it('compares the same values with the threshold as the linear PromQL expression', () => {
  const ratio =
    'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))';
  fc.assert(
    fc.property(linear, fc.integer({ min: 0, max: 1000 }), (each, permille) => {
      const { factor, summand, op, limit, isSwapped } = each;
      const computed = `(${ratio}) * ${factor} + ${summand}`;
      const flipped = op === '>' ? '<' : '>';
      const expr = isSwapped ? `${limit} ${flipped} ${computed}` : `${computed} ${op} ${limit}`;
      const { rules } = importRule(expr);
      const value = (permille / 1000) * factor + summand;
      // Floating-point results on the threshold itself can differ.
      fc.pre(Math.abs(value - limit) > 1e-9);
      const { direction, thresholds } = rules[0]!;
      const isFiring = isBeyond(permille / 10, thresholds.warning!, direction);
      expect(isFiring).toBe(op === '>' ? value > limit : value < limit);
    }),
  );
});

/** Random PromQL expressions. Perfscope can't express most of them. */
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('up', 'http_requests_total', 'orders_total{a="b"}', '1', 'x[5m]', '{a="b"}'),
    fc.constantFrom('rate(http_requests_total{status=~"5.."}[5m])', 'rate(orders_total[5m])'),
    fc
      .tuple(fc.constantFrom('sum', 'avg by (job)', 'count', 'topk'), tie('expression'))
      .map(([op, x]) => `${op}(${x})`),
    fc
      .tuple(fc.constantFrom('rate', 'abs', 'absent', 'scalar'), tie('expression'))
      .map(([f, x]) => `${f}(${x})`),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom('+', '-', '*', '/', '>', '==', 'and', 'or'),
        tie('expression'),
      )
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
  ),
}));

it('translates or lists each valid expression', () => {
  fc.assert(
    fc.property(expression, (expr) => {
      const { rules, untranslated } = importRule(expr);
      expect(rules.length + untranslated.length).toBe(1);
      if (rules.length > 0) load(formatImportedRules({ rules, untranslated, recordingRules: [] }));
    }),
  );
});
