import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import {
  evaluateRule,
  type RuleStates,
} from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import type { Observation } from '../../../../src/server/alerts/evaluation/observation.ts';
import { formatImportedRules } from '../../../../src/server/alerts/prometheus-import/format-imported-rules.ts';
import { importPrometheusRules } from '../../../../src/server/alerts/prometheus-import/import-prometheus-rules.ts';
import { readPrometheusRules } from '../../../../src/server/alerts/prometheus-import/read-prometheus-rules.ts';
import type { AlertRule } from '../../../../src/server/alerts/rules/alert-rule.ts';
import { loadAlertRules } from '../../../../src/server/alerts/rules/load-alert-rules.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createEvaluator,
  createQueryClient,
  makeGauge,
  makeHistogram,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';

const questdb = new ExternalQuestdb({ isShared: true });
const rows = new TestRowWriter(questdb);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-imported-'));
let queryClient: QuestdbQueryClient;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);
});
afterAll(async () => {
  rows.close();
  await queryClient?.close();
  await questdb.remove();
  rmSync(folder, { recursive: true });
});

function importText(text: string): string {
  const rules = readPrometheusRules(['rules.yml'], (name) => ({ name, text }));
  return formatImportedRules(importPrometheusRules(rules, { severities: new Map() }));
}

const RULES = `groups:
- name: shop
  rules:
  - alert: ManyOrders
    expr: sum by (channel) (rate(orders_total{job="shop",note!="test"}[5m])) > 0.1
  - alert: FewOrders
    expr: sum by (channel) (increase(orders_total{job=~"shop|other"}[5m])) < 50
  - alert: FailedPayments
    expr: sum by (service) (rate(payments_failed_total[5m])) / sum by (service) (rate(payments_total[5m])) > 0.4
  - alert: FullRooms
    expr: sum by (hotel) (rooms_occupied{hotel=~"a|b"}) > 14
  - alert: ClientErrors
    expr: sum by (route) (rate(http_requests_total{code=~"4.."}[5m])) / sum by (route) (rate(http_requests_total[5m])) > 0.2
  - alert: ServerErrors
    expr: sum(rate(http_requests_total{code=~"5.."}[5m])) > 0.01
  - alert: EventLoop
    expr: nodejs_eventloop_lag_p99_seconds > 0.2
  - alert: SlowExports
    expr: histogram_quantile(0.99, sum by (le) (rate(exports_bucket[5m]))) > 30
`;

it('evaluates translated rules on stored data', async () => {
  const rulesFile = join(folder, 'rules.yaml');
  writeFileSync(rulesFile, importText(RULES));
  const now = Date.now();
  const timestamp = now - 60_000;
  const common = { timestamp, metricType: 'CUSTOM', service: 'shop' } as const;
  const add = (name: string, value: number, tags: object, instance = 'i1') =>
    rows.add('performance_metrics', [
      makeGauge({ ...common, name, value, instance, tags: JSON.stringify(tags) }),
    ]);
  add('orders', 60, { channel: 'web' });
  add('orders', 20, { channel: 'phone' });
  add('orders', 500, { channel: 'test', note: 'test' });
  add('payments', 10, {});
  add('payments_failed', 5, {});
  // Two instances report the rooms of the same hotel. The newest value of each counts.
  add('rooms_occupied', 9, { hotel: 'a' }, 'i1');
  add('rooms_occupied', 8, { hotel: 'a' }, 'i2');
  add('rooms_occupied', 99, { hotel: 'c' });
  rows.add('performance_metrics', [
    makeGauge({
      ...common,
      timestamp: timestamp - 60_000,
      name: 'rooms_occupied',
      value: 99,
      tags: '{"hotel":"b"}',
    }),
    makeGauge({ ...common, name: 'rooms_occupied', value: 10, tags: '{"hotel":"b"}' }),
    makeGauge({
      ...common,
      timestamp: timestamp - 150_000,
      metricType: 'EVENT_LOOP_DELAY',
      name: 'nodejs.eventloop.delay.p99',
      value: 300,
    }),
    makeGauge({
      ...common,
      metricType: 'EVENT_LOOP_DELAY',
      name: 'nodejs.eventloop.delay.p99',
      value: 300,
    }),
    makeGauge({
      ...common,
      metricType: 'EVENT_LOOP_DELAY',
      name: 'nodejs.eventloop.delay.max',
      value: 900,
      service: 'other',
    }),
  ]);
  for (const [endpoint, clientErrors] of [
    ['/a', 30],
    ['/b', 10],
  ] as const) {
    const { row } = makeHistogram(
      { timestamp, metricType: 'API_RESPONSE_TIME', service: 'shop', endpoint },
      { count: 100, ms: 10, errors: 5 },
    );
    rows.add('performance_metrics', [{ ...row, count4xx: clientErrors, count5xx: 5 }]);
  }
  for (const [name, ms] of [
    ['exports', 60],
    ['other', 90],
  ] as const) {
    const { row, buckets } = makeHistogram({ ...common, name }, { count: 100, ms });
    rows.add('performance_metrics', [row]);
    rows.add('metric_buckets', buckets);
  }
  await rows.flush();
  const evaluator = createEvaluator({ queryClient, ...rows, rulesFile });
  const names: readonly string[] = RULES.match(/(?<=alert: )\w+/g) ?? [];
  const transitions = await evaluator.runOnce(now);
  const errors = names.map((name) => evaluator.ruleHealth.get(name)?.error);
  expect(errors).toEqual(names.map(() => undefined));
  const found = transitions.filter(({ rule }) => names.includes(rule));
  expect(
    found
      .map(({ rule, labels, value }) => [rule, labels, value])
      .toSorted(([a = ''], [b = '']) => String(a).localeCompare(String(b))),
  ).toEqual([
    ['ClientErrors', '{"endpoint":"/a"}', 30],
    ['EventLoop', '{"instance":"i1","service":"shop"}', 300],
    ['FailedPayments', '{"service":"shop"}', 0.5],
    ['FewOrders', '{"channel":"phone"}', 20],
    ['FullRooms', '{"hotel":"a"}', 17],
    ['ManyOrders', '{"channel":"web"}', 0.2],
    ['ServerErrors', '{}', expect.closeTo(10 / 300, 6)],
    ['SlowExports', '{}', expect.closeTo(60, 0)],
  ]);
});

/** Minutes of the comparison with promtool. */
const MINUTES = 60;

/** Evaluates a rule every minute, and returns for each minute whether its alert fires. */
function findFiringMinutes(rule: AlertRule, values: readonly (number | undefined)[]): boolean[] {
  let states: RuleStates = new Map();
  return values.map((value, minute) => {
    const now = minute * 60_000 + 30_000;
    const observations: Observation[] =
      value === undefined
        ? []
        : [{ labels: { service: 'shop' }, value, count: 1000, newestMs: now }];
    states = evaluateRule(states, observations, { ...rule, intervalMs: 60_000 }, now).states;
    return [...states.values()].some(({ alert }) => alert?.state === 'firing');
  });
}

it('fires in the same minutes as promtool', () => {
  // A fixed sequence with short and long phases of errors.
  const increments = Array.from({ length: MINUTES + 1 }, (_, i) => {
    const total = 100 + ((i * 37) % 50);
    const share = i % 29 > 18 ? 0.3 : i % 7 === 0 ? 0.6 : 0.01;
    return { total, errors: Math.round(total * share) };
  });
  const lags = Array.from({ length: MINUTES + 1 }, (_, i) => (i % 11 > 5 ? 0.3 : 0.1));
  const sum = (from: number, to: number, field: 'total' | 'errors') =>
    increments.slice(from, to).reduce((result, each) => result + each[field], 0);
  const toCounter = (field: 'total' | 'errors') =>
    increments.map((_, i) => sum(0, i + 1, field)).join(' ');
  const rulesText = `groups:
- name: shop
  rules:
  - alert: Errors
    expr: sum by (job) (rate(http_requests_total{status=~"5.."}[5m])) / sum by (job) (rate(http_requests_total[5m])) > 0.2
    for: 3m
  - alert: Fewer
    expr: 1 - sum by (job) (rate(http_requests_total{status=~"5.."}[5m])) / sum by (job) (rate(http_requests_total[5m])) < 0.75
  - alert: Lag
    expr: nodejs_eventloop_lag_p99_seconds > 0.2
    for: 4m
`;
  const { settings } = parseSettings({});
  const { rules } = loadAlertRules(settings, { name: 'rules.yaml', text: importText(rulesText) });
  const findRule = (name: string) => rules.find((rule) => rule.name === name)!;
  // 30 s after a sample, a range of 5 minutes contains 5 samples, and so 4 increments.
  const shares = increments.map((_, i) =>
    i < 1
      ? undefined
      : (100 * sum(Math.max(i - 3, 1), i + 1, 'errors')) / sum(Math.max(i - 3, 1), i + 1, 'total'),
  );
  const firing = {
    Errors: findFiringMinutes(findRule('Errors'), shares),
    Fewer: findFiringMinutes(findRule('Fewer'), shares),
    Lag: findFiringMinutes(
      findRule('Lag'),
      lags.map((lag) => 1000 * lag),
    ),
  };
  for (const minutes of Object.values(firing)) {
    expect(minutes.filter(Boolean).length).toBeGreaterThan(3);
    expect(minutes.filter((isFiring) => !isFiring).length).toBeGreaterThan(3);
  }
  const labels = (name: string) => ({ job: 'shop', ...(name === 'Lag' && { instance: 'i1' }) });
  const test = {
    rule_files: [join(folder, 'promtool-rules.yml')],
    evaluation_interval: '30s',
    tests: [
      {
        interval: '1m',
        input_series: [
          { series: 'http_requests_total{job="shop",status="500"}', values: toCounter('errors') },
          {
            series: 'http_requests_total{job="shop",status="200"}',
            values: increments
              .map((_, i) => sum(0, i + 1, 'total') - sum(0, i + 1, 'errors'))
              .join(' '),
          },
          {
            series: 'nodejs_eventloop_lag_p99_seconds{job="shop",instance="i1"}',
            values: lags.join(' '),
          },
        ],
        alert_rule_test: Object.entries(firing).flatMap(([alertname, minutes]) =>
          minutes.slice(0, MINUTES).map((isFiring, minute) => ({
            eval_time: `${minute * 60 + 30}s`,
            alertname,
            exp_alerts: isFiring ? [{ exp_labels: labels(alertname) }] : [],
          })),
        ),
      },
    ],
  };
  writeFileSync(join(folder, 'promtool-rules.yml'), rulesText);
  const testFile = join(folder, 'promtool-test.yml');
  writeFileSync(testFile, JSON.stringify(test));
  const result = spawnSync('promtool', ['test', 'rules', testFile], { encoding: 'utf8' });
  expect([result.stderr, result.status]).toEqual(['', 0]);
});
