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
import { loadTestRules } from '../../../support/alert-rule-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';

const questdb = new ExternalQuestdb();
const rows = new TestRowWriter(questdb);
const folder = mkdtempSync(join(tmpdir(), 'perfscope-rules-'));
const rulesFile = join(folder, 'rules.yaml');
const T0 = Math.floor(Date.now() / 60_000) * 60_000 - 40 * 60_000;
const at = (seconds: number) => T0 + seconds * 1000;
/** The built-in rules that the tests need. The others would only make each evaluation slower. */
const NEEDED_RULES = ['no-data', 'failing-rule', 'database-unavailable'];
const DISABLED_RULES = loadTestRules('')
  .rules.filter(({ name }) => !NEEDED_RULES.includes(name))
  .map(({ name }) => `  - { name: ${name}, enabled: false }\n`)
  .join('');
const RULES = `rules:
${DISABLED_RULES}  - name: queue-age
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
let queryClient: QuestdbQueryClient;

beforeAll(async () => {
  writeFileSync(rulesFile, RULES);
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

const startEvaluator = () => createEvaluator({ queryClient, ...rows, rulesFile });
const getSummaries = (transitions: readonly Transition[], rule: string, label: string) =>
  transitions
    .filter((t) => t.rule === rule && t.labels.includes(`"${label}"`))
    .map(({ state, severity }) => `${state} ${severity}`);

async function writeAge(queue: string, seconds: number, ms: number): Promise<void> {
  const row = { timestamp: at(seconds), metricType: 'QUEUE_OLDEST_AGE', endpoint: queue };
  rows.add('performance_metrics', [makeGauge({ ...row, value: ms })]);
  await rows.flush();
}

/** Evaluates the rules every 30 s. Before each evaluation, writes a row with the value `ms`. */
async function run(
  evaluator: AlertEvaluator,
  queue: string,
  from: number,
  to: number,
  ms: number | undefined,
): Promise<Transition[]> {
  const found: Transition[] = [];
  for (let seconds = from; seconds <= to; seconds += 30) {
    if (ms !== undefined) await writeAge(queue, seconds - 1, ms);
    found.push(...(await evaluator.runOnce(at(seconds))));
  }
  return found;
}

it('restores flapping alerts after a restart', async () => {
  const getReasons = (evaluator: AlertEvaluator) =>
    [...evaluator.alertStates.listLive()]
      .filter(({ transition }) => transition.rule === 'queue-jumpy')
      .flatMap(({ transition }) => evaluator.gate.getSuppressions(transition.id))
      .map(({ reason }) => reason);
  const first = startEvaluator();
  const found: Transition[] = [];
  for (let i = 0; i <= 6; i++) {
    const seconds = 30 * i - 1800;
    found.push(...(await run(first, 'jumpy', seconds, seconds, i % 2 === 0 ? 5000 : 10)));
    if (i === 2) expect(getReasons(first)).not.toContain('flapping');
  }
  expect(getSummaries(found, 'queue-jumpy', 'jumpy').length).toBe(7);
  expect(getReasons(first)).toContain('flapping');
  await rows.flush();
  const second = startEvaluator();
  expect(
    getSummaries(await run(second, 'jumpy', -1590, -1590, 5000), 'queue-jumpy', 'jumpy'),
  ).toEqual([]);
  expect(getReasons(second)).toContain('flapping');
  await run(second, 'jumpy', -1560, -1560, 10);
  await rows.flush();
});

it('continues pending and firing alerts after a restart', async () => {
  const first = await run(startEvaluator(), 'mail', 0, 60, 5000);
  expect(getSummaries(first, 'queue-age', 'mail')).toEqual(['pending warning']);
  await rows.flush();
  const second = await run(startEvaluator(), 'mail', 90, 150, 5000);
  // `for` counts from the first row, not from the restart.
  expect(getSummaries(second, 'queue-age', 'mail')).toEqual(['firing warning']);
  expect(second.find(({ rule }) => rule === 'queue-age')?.timestamp).toBe(at(120));
  await rows.flush();
  const third = await run(startEvaluator(), 'mail', 180, 240, 5000);
  expect(getSummaries(third, 'queue-age', 'mail')).toEqual([]);
  await rows.flush();
  const fourth = await run(startEvaluator(), 'mail', 270, 330, 10);
  expect(getSummaries(fourth, 'queue-age', 'mail')).toEqual(['resolved warning']);
  await rows.flush();
  const all = (await loadLastAlertRows(queryClient, at(330))).filter(
    ({ rule, labels }) => rule === 'queue-age' && labels === '{"queue":"mail"}',
  );
  expect(all.map(({ state, seq }) => [state, seq])).toEqual([['resolved', 3]]);
});

it('does not fire or resolve when late data arrives', async () => {
  const first = startEvaluator();
  await run(first, 'late', 400, 520, 5000);
  expect([...first.alertStates.listLive()].map(({ transition }) => transition.state)).toContain(
    'firing',
  );
  // No new data arrives for a while. Then good rows arrive that are older than the bad ones.
  for (const seconds of [380, 385, 390]) await writeAge('late', seconds, 1);
  expect(getSummaries(await run(first, 'late', 550, 580, undefined), 'queue-age', 'late')).toEqual(
    [],
  );
  const second = startEvaluator();
  await run(second, 'early', 700, 760, 10);
  for (const seconds of [640, 650]) await writeAge('early', seconds, 90_000);
  expect(
    getSummaries(await run(second, 'early', 790, 820, undefined), 'queue-age', 'early'),
  ).toEqual([]);
});

it('fires for a service that stopped sending metrics before the start', async () => {
  const row = { metricType: 'CPU_USAGE', service: 'gone', value: 1 } as const;
  const gauges = [600, 900].map((seconds) => makeGauge({ ...row, timestamp: at(seconds) }));
  rows.add('performance_metrics', gauges);
  await rows.flush();
  const evaluator = startEvaluator();
  const found: Transition[] = [];
  for (let seconds = 1020; seconds <= 1380; seconds += 30) {
    found.push(...(await evaluator.runOnce(at(seconds))));
  }
  expect(getSummaries(found, 'no-data', 'gone')).toEqual(['firing high']);
  expect(found.find(({ rule }) => rule === 'no-data')?.cause).toBe('no data for 5 min');
});

it('does not fire for a service that ended normally, but for one whose other process vanished', async () => {
  const addService = (service: string, vanished: boolean) => {
    const row = { metricType: 'CPU_USAGE', service, value: 1 } as const;
    const gauges = [600, 900].map((seconds) => makeGauge({ ...row, timestamp: at(seconds) }));
    const health = { service, id: service, timestamp: at(905) };
    rows.add('performance_metrics', gauges);
    rows.add('system_health', [
      { ...health, instance: 'i1', status: 'stopped' },
      ...(vanished ? [{ ...health, instance: 'i2', status: 'healthy' }] : []),
    ]);
  };
  addService('ended', false);
  addService('vanished', true);
  await rows.flush();
  const evaluator = startEvaluator();
  const found: Transition[] = [];
  for (let seconds = 900; seconds <= 1380; seconds += 30) {
    found.push(...(await evaluator.runOnce(at(seconds))));
  }
  expect(getSummaries(found, 'no-data', 'ended')).toEqual([]);
  expect(getSummaries(found, 'no-data', 'vanished')).toEqual(['firing high']);
});

it('runs SQL rules on the rows in their window, excludes test rows, and reports a failing rule', async () => {
  const names = { metricType: 'API_RESPONSE_TIME', service: 'sql', organizationId: 'anna' };
  const createRow = (seconds: number, more: object) =>
    makeHistogram({ timestamp: at(seconds), ...names, ...more }, { count: 9, ms: 5, errors: 3 })
      .row;
  rows.add('performance_metrics', [
    createRow(1500, {}),
    createRow(1510, { test: true }),
    createRow(1000, {}),
  ]);
  await rows.flush();
  const evaluator = startEvaluator();
  expect(getSummaries(await evaluator.runOnce(at(1530)), 'sql-errors', 'sql')).toEqual([]);
  rows.add('performance_metrics', [createRow(1535, {})]);
  await rows.flush();
  const found = (await evaluator.runOnce(at(1560))).filter(({ rule }) => rule === 'sql-errors');
  expect(found).toMatchObject([{ state: 'firing', value: 6, organizationId: 'anna' }]);
  await evaluator.runOnce(at(1590));
  const failing = await evaluator.runOnce(at(1620));
  expect(evaluator.ruleHealth.get('sql-typed')).toMatchObject({ result: 'failed' });
  expect(evaluator.ruleHealth.get('sql-typed')?.error).toContain('no_such_column');
  expect(
    [...evaluator.alertStates.listLive()].some(
      ({ transition }) => transition.rule === 'failing-rule',
    ),
  ).toBe(true);
  expect(getSummaries(failing, 'database-unavailable', '')).toEqual([]);
});

it('cancels an endless SQL rule in QuestDB and evaluates the other rules', async () => {
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
  const evaluator = createEvaluator({ queryClient, ...rows, rulesFile: endless });
  await evaluator.runOnce(at(1650));
  expect(evaluator.ruleHealth.get('endless')).toMatchObject({ result: 'failed' });
  expect(evaluator.ruleHealth.get('endless')?.error).toMatch(/time limit|too long/);
  expect(evaluator.ruleHealth.get('cpu')).toMatchObject({ result: 'succeeded' });
  await waitFor(async () => {
    const running = await questdb.sql('SELECT query FROM query_activity()');
    return !running.some(([query]) => /cross join/i.test(String(query)));
  });
});

it('keeps the previous rules while the file is invalid', async () => {
  const evaluator = startEvaluator();
  await evaluator.runOnce(at(1700));
  writeFileSync(rulesFile, 'rules:\n  - name: queue-age\n    threshold: 3\n');
  await evaluator.runOnce(at(1730));
  const positions = evaluator.rulesFile.status.problems.map(({ file, line }) => `${file}:${line}`);
  expect(positions).toContain('rules.yaml:3');
  expect(evaluator.findRule('sql-errors')).toBeDefined();
  writeFileSync(rulesFile, 'rules: []\n');
  await evaluator.runOnce(at(1760));
  expect(evaluator.rulesFile.status.problems).toEqual([]);
  expect(evaluator.findRule('sql-errors')).toBeUndefined();
  writeFileSync(rulesFile, RULES);
});

it('keeps all states while QuestDB is unreachable, and fires one alert about the outage', async () => {
  const evaluator = startEvaluator();
  await run(evaluator, 'kept', 1800, 1920, 5000);
  const before = [...evaluator.alertStates.listLive()]
    .map(({ transition }) => transition.id)
    .sort();
  expect(before.length).toBeGreaterThan(0);
  await questdb.kill();
  const found: Transition[] = [];
  for (let seconds = 1950; seconds <= 2220; seconds += 30) {
    found.push(...(await evaluator.runOnce(at(seconds))));
  }
  expect(found.map(({ rule, state }) => `${rule} ${state}`)).toEqual([
    'database-unavailable pending',
    'database-unavailable firing',
  ]);
  await questdb.start();
  const recovered = await run(evaluator, 'kept', 2250, 2280, 5000);
  expect(getSummaries(recovered, 'queue-age', 'kept')).toEqual([]);
  expect(getSummaries(recovered, 'database-unavailable', '')).toEqual([]);
  const resolved = recovered.filter(({ rule }) => rule === 'database-unavailable');
  expect(resolved.map(({ state }) => state)).toEqual(['resolved']);
});

it('returns the stored transitions when observations are replayed', async () => {
  const evaluator = startEvaluator();
  const live = [
    ...(await run(evaluator, 'replay', 2300, 2420, 5000)),
    ...(await run(evaluator, 'replay', 2450, 2510, 10)),
  ].filter(({ labels }) => labels.includes('replay'));
  const rule = evaluator.findRule('queue-age')!;
  let states: ReturnType<typeof evaluateRule>['states'] = new Map();
  const replayed: Transition[] = [];
  for (let seconds = 2300; seconds <= 2510; seconds += 30) {
    const value = seconds <= 2420 ? 5000 : 10;
    const newestMs = at(seconds - 1);
    const observed = [{ labels: { queue: 'replay' }, value, count: 1, newestMs }];
    // The window contains two minutes of rows, one every 30 s.
    const count = Math.min(4, (seconds - 2300) / 30 + 1);
    const step = evaluateRule(states, [{ ...observed[0]!, count }], rule, at(seconds));
    states = step.states;
    replayed.push(...step.transitions);
  }
  const toPlain = (all: readonly Transition[]) =>
    all.map(({ id, seq, state, severity, timestamp }) => [id, seq, state, severity, timestamp]);
  expect(toPlain(replayed)).toEqual(toPlain(live));
  await rows.flush();
  const stored = await questdb.sql(
    "SELECT id, seq, state, severity, cast(timestamp AS long) / 1000 FROM alerts WHERE labels LIKE '%replay%' ORDER BY seq",
  );
  expect(stored).toEqual(toPlain(live));
});
