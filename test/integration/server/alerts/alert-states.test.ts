import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AlertEvaluator } from '../../../../src/server/alerts/alert-evaluator.ts';
import type { Transition } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import { evaluateRule } from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import { loadLastAlertRows } from '../../../../src/server/alerts/state/alert-queries.ts';
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
import { waitFor } from '../../../support/wait-for.ts';

const questdb = new ExternalQuestdb();
const rows = new TestRowWriter(questdb);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-rules-'));
const rulesFile = join(folder, 'rules.yaml');
const T0 = Math.floor(Date.now() / 60_000) * 60_000 - 40 * 60_000;
const at = (seconds: number) => T0 + seconds * 1000;
const RULES = `rules:
  - name: queue-age
    measure: { aggregate: oldest_age, groupBy: [queue], window: 2m }
    thresholds: { warning: 1000, critical: 60000 }
    for: 2m
  - name: queue-jumpy
    measure: { aggregate: oldest_age, groupBy: [queue], filter: { queue: jumpy }, window: 2m }
    thresholds: { warning: 1000 }
  - name: sql-errors
    window: 5m
    sql: |
      SELECT organization_id AS organization, service, sum(error_count) AS value, max(timestamp) AS newest
      FROM performance_metrics
      WHERE in_window() AND in_scope() AND metric_type = 'API_RESPONSE_TIME'
      GROUP BY organization_id, service
    thresholds: { high: 5 }
  - name: sql-typed
    window: 5m
    sql: SELECT m.service AS service, avg(m.no_such_column) AS value FROM performance_metrics m WHERE in_window(m) AND in_scope(m) GROUP BY m.service
    thresholds: { high: 5 }
`;
let store: QuestdbQueryClient;

beforeAll(async () => {
  writeFileSync(rulesFile, RULES);
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  store = createQueryClient(questdb);
}, 120_000);
afterAll(async () => {
  rows.close();
  await store?.close();
  await questdb.remove();
  rmSync(folder, { recursive: true });
});

const evaluator = () => createEvaluator({ queryClient: store, ...rows, rulesFile });
const told = (transitions: readonly Transition[], rule: string, label: string) =>
  transitions
    .filter((t) => t.rule === rule && t.labels.includes(`"${label}"`))
    .map(({ state, severity }) => `${state} ${severity}`);

async function age(queue: string, seconds: number, ms: number): Promise<void> {
  const row = { timestamp: at(seconds), metricType: 'QUEUE_OLDEST_AGE', endpoint: queue };
  rows.add('performance_metrics', [makeGauge({ ...row, value: ms })]);
  await rows.flush();
}

/** Runs each 30 s, with a row of `ms` just before. */
async function run(
  one: AlertEvaluator,
  queue: string,
  from: number,
  to: number,
  ms: number | undefined,
): Promise<Transition[]> {
  const found: Transition[] = [];
  for (let seconds = from; seconds <= to; seconds += 30) {
    if (ms !== undefined) await age(queue, seconds - 1, ms);
    found.push(...(await one.runOnce(at(seconds))));
  }
  return found;
}

it('still knows after a restart that an alert flaps', async () => {
  const reasons = (one: AlertEvaluator) => {
    const own = [...one.alertStates.listLive()].filter(
      ({ transition }) => transition.rule === 'queue-jumpy',
    );
    return own.flatMap(({ transition }) =>
      one.gate.getSuppressions(transition.id).map((h) => h.reason),
    );
  };
  const first = evaluator();
  const found: Transition[] = [];
  for (let i = 0; i <= 6; i++) {
    const seconds = 30 * i - 1800;
    found.push(...(await run(first, 'jumpy', seconds, seconds, i % 2 === 0 ? 5000 : 10)));
    if (i === 2) expect(reasons(first)).not.toContain('flapping');
  }
  expect(told(found, 'queue-jumpy', 'jumpy').length).toBe(7);
  expect(reasons(first)).toContain('flapping');
  await rows.flush();
  const second = evaluator();
  expect(told(await run(second, 'jumpy', -1590, -1590, 5000), 'queue-jumpy', 'jumpy')).toEqual([]);
  expect(reasons(second)).toContain('flapping');
  await run(second, 'jumpy', -1560, -1560, 10);
  await rows.flush();
}, 60_000);

it('goes on after a restart while pending, and while firing', async () => {
  const first = await run(evaluator(), 'mail', 0, 60, 5000);
  expect(told(first, 'queue-age', 'mail')).toEqual(['pending warning']);
  await rows.flush();
  const second = await run(evaluator(), 'mail', 90, 150, 5000);
  // Two minutes after the first, not after the restart.
  expect(told(second, 'queue-age', 'mail')).toEqual(['firing warning']);
  expect(second.find(({ rule }) => rule === 'queue-age')?.timestamp).toBe(at(120));
  await rows.flush();
  const third = await run(evaluator(), 'mail', 180, 240, 5000);
  expect(told(third, 'queue-age', 'mail')).toEqual([]);
  await rows.flush();
  const fourth = await run(evaluator(), 'mail', 270, 330, 10);
  expect(told(fourth, 'queue-age', 'mail')).toEqual(['resolved warning']);
  await rows.flush();
  const all = (await loadLastAlertRows(store, at(330))).filter(
    ({ rule, labels }) => rule === 'queue-age' && labels === '{"queue":"mail"}',
  );
  expect(all.map(({ state, seq }) => [state, seq])).toEqual([['resolved', 3]]);
}, 60_000);

it('does not fire or resolve by data that come five minutes late', async () => {
  const one = evaluator();
  await run(one, 'late', 400, 520, 5000);
  expect([...one.alertStates.listLive()].map(({ transition }) => transition.state)).toContain(
    'firing',
  );
  // Nothing new is known for a while, then the old good rows arrive, behind the bad ones.
  for (const seconds of [380, 385, 390]) await age('late', seconds, 1);
  expect(told(await run(one, 'late', 550, 580, undefined), 'queue-age', 'late')).toEqual([]);
  const other = evaluator();
  await run(other, 'early', 700, 760, 10);
  for (const seconds of [640, 650]) await age('early', seconds, 90_000);
  expect(told(await run(other, 'early', 790, 820, undefined), 'queue-age', 'early')).toEqual([]);
}, 60_000);

it('says that a service is silent, also when it fell silent before the start', async () => {
  const row = { timestamp: at(900), metricType: 'CPU_USAGE', service: 'gone' };
  rows.add('performance_metrics', [makeGauge({ ...row, value: 1 })]);
  await rows.flush();
  const one = evaluator();
  const found: Transition[] = [];
  for (let seconds = 1020; seconds <= 1380; seconds += 30) {
    found.push(...(await one.runOnce(at(seconds))));
  }
  expect(told(found, 'no-data', 'gone')).toEqual(['firing high']);
  expect(found.find(({ rule }) => rule === 'no-data')?.cause).toBe('no data for 3 min');
}, 60_000);

it('runs SQL rules within their window, without rows of tests, and says what one lacks', async () => {
  const names = { metricType: 'API_RESPONSE_TIME', service: 'sql', organizationId: 'anna' };
  const of = (seconds: number, more: object) =>
    makeHistogram({ timestamp: at(seconds), ...names, ...more }, { count: 9, ms: 5, errors: 3 })
      .row;
  rows.add('performance_metrics', [of(1500, {}), of(1510, { test: true }), of(1000, {})]);
  await rows.flush();
  const one = evaluator();
  expect(told(await one.runOnce(at(1530)), 'sql-errors', 'sql')).toEqual([]);
  rows.add('performance_metrics', [of(1535, {})]);
  await rows.flush();
  const found = (await one.runOnce(at(1560))).filter(({ rule }) => rule === 'sql-errors');
  expect(found).toMatchObject([{ state: 'firing', value: 6, organizationId: 'anna' }]);
  await one.runOnce(at(1590));
  const failing = await one.runOnce(at(1620));
  expect(one.ruleHealth.get('sql-typed')).toMatchObject({ result: 'failed' });
  expect(one.ruleHealth.get('sql-typed')?.error).toContain('no_such_column');
  expect(
    [...one.alertStates.listLive()].some(({ transition }) => transition.rule === 'failing-rule'),
  ).toBe(true);
  expect(told(failing, 'database-unavailable', '')).toEqual([]);
}, 60_000);

it('ends a SQL rule that never ends, at QuestDB too, and evaluates the others', async () => {
  const endless = join(folder, 'endless.yaml');
  const limited = (name: string) => `in_window(${name}) AND in_scope(${name})`;
  writeFileSync(
    endless,
    `rules:
  - name: endless
    sql: >
      SELECT count() AS value FROM performance_metrics a CROSS JOIN performance_metrics b
      CROSS JOIN performance_metrics c CROSS JOIN performance_metrics d
      WHERE ${['a', 'b', 'c', 'd'].map(limited).join(' AND ')} AND a.value + b.value + c.value + d.value = 0.5
    thresholds: { high: 5 }
`,
  );
  const many = Array.from({ length: 2000 }, (_, i) => ({
    timestamp: at(1640) + i,
    metricType: 'CUSTOM',
    name: 'many',
    service: 'endless',
    value: i,
  }));
  rows.add('performance_metrics', many.map(makeGauge));
  await rows.flush();
  const one = createEvaluator({ queryClient: store, ...rows, rulesFile: endless });
  await one.runOnce(at(1650));
  expect(one.ruleHealth.get('endless')).toMatchObject({ result: 'failed' });
  expect(one.ruleHealth.get('endless')?.error).toMatch(/time limit|too long/);
  expect(one.ruleHealth.get('cpu')).toMatchObject({ result: 'succeeded' });
  await waitFor(async () => {
    const running = await questdb.sql('SELECT query FROM query_activity()');
    return !running.some(([query]) => String(query).includes('CROSS JOIN'));
  }, 30_000);
}, 120_000);

it('keeps the rules that ran when the file gets wrong, and follows it when it is right', async () => {
  const one = evaluator();
  await one.runOnce(at(1700));
  writeFileSync(rulesFile, 'rules:\n  - name: queue-age\n    threshold: 3\n');
  await one.runOnce(at(1730));
  const places = one.rulesFile.status.problems.map(({ file, line }) => `${file}:${line}`);
  expect(places).toContain('rules.yaml:3');
  expect(one.findRule('sql-errors')).toBeDefined();
  writeFileSync(rulesFile, 'rules: []\n');
  await one.runOnce(at(1760));
  expect(one.rulesFile.status.problems).toEqual([]);
  expect(one.findRule('sql-errors')).toBeUndefined();
  writeFileSync(rulesFile, RULES);
}, 60_000);

it('keeps all states while QuestDB is away, and tells of that once', async () => {
  const one = evaluator();
  await run(one, 'kept', 1800, 1920, 5000);
  const before = [...one.alertStates.listLive()].map(({ transition }) => transition.id).sort();
  expect(before.length).toBeGreaterThan(0);
  await questdb.kill();
  const found: Transition[] = [];
  for (let seconds = 1950; seconds <= 2220; seconds += 30) {
    found.push(...(await one.runOnce(at(seconds))));
  }
  expect(found.map(({ rule, state }) => `${rule} ${state}`)).toEqual([
    'database-unavailable pending',
    'database-unavailable firing',
  ]);
  await questdb.start();
  const back = await run(one, 'kept', 2250, 2280, 5000);
  expect(told(back, 'queue-age', 'kept')).toEqual([]);
  expect(told(back, 'database-unavailable', '')).toEqual([]);
  const ended = back.filter(({ rule }) => rule === 'database-unavailable');
  expect(ended.map(({ state }) => state)).toEqual(['resolved']);
}, 120_000);

it('gives the stored transitions again when the stored observations are replayed', async () => {
  const one = evaluator();
  const live = [
    ...(await run(one, 'replay', 2300, 2420, 5000)),
    ...(await run(one, 'replay', 2450, 2510, 10)),
  ].filter(({ labels }) => labels.includes('replay'));
  const rule = one.findRule('queue-age')!;
  let states: ReturnType<typeof evaluateRule>['states'] = new Map();
  const again: Transition[] = [];
  for (let seconds = 2300; seconds <= 2510; seconds += 30) {
    const value = seconds <= 2420 ? 5000 : 10;
    const newestMs = at(seconds - 1);
    const observed = [{ labels: { queue: 'replay' }, value, count: 1, newestMs }];
    // Rows of two minutes, one each 30 s.
    const count = Math.min(4, (seconds - 2300) / 30 + 1);
    const step = evaluateRule(states, [{ ...observed[0]!, count }], rule, at(seconds));
    states = step.states;
    again.push(...step.transitions);
  }
  const plain = (all: readonly Transition[]) =>
    all.map(({ id, seq, state, severity, timestamp }) => [id, seq, state, severity, timestamp]);
  expect(plain(again)).toEqual(plain(live));
  await rows.flush();
  const stored = await questdb.sql(
    "SELECT id, seq, state, severity, cast(timestamp AS long) / 1000 FROM alerts WHERE labels LIKE '%replay%' ORDER BY seq",
  );
  expect(stored).toEqual(plain(live));
}, 60_000);
