import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/settings.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import type { PerformanceMetricType } from '../../../../src/core/schema/enums.ts';
import type { QueueMetricRow } from '../../../../src/core/schema/tables/queue-metrics-table.ts';
import type { Transition } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import { loadAlertRules } from '../../../../src/server/alerts/rules/load-alert-rules.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createEvaluator,
  createQueryClient,
  makeGauge,
  makeHistogram,
  PIPELINE_STATS,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** The data of a case are written up to here, every 30 s. */
const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - MINUTE_MS;
const STEP_MS = 30_000;

const questdb = new ExternalQuestdb();
questdb.devMode = true;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-rules-'));
const rows = new TestRowWriter(questdb);
let store: QuestdbQueryClient;
let seen: readonly Transition[];

/** Writes rows so that the rule sees `value`, of a service or queue that is called `who`. */
type Write = (who: string, value: number) => void;

interface Case {
  rule: string;
  severity: string;
  /** No alert of this severity at the first value, one at the second. */
  below: number;
  above: number;
  write: Write;
  /** The label that tells whose it is. */
  by?: 'service' | 'queue';
}

/** For the last 20 minutes, so that alerts with a long `for` fire too. */
const TIMES = Array.from({ length: 40 }, (_, i) => NOW - (39 - i) * STEP_MS - 1000);

const work =
  (
    metricType: PerformanceMetricType,
    made: (value: number) => Parameters<typeof makeHistogram>[1],
  ): Write =>
  (who, value) => {
    for (const timestamp of TIMES) {
      const names = { service: who, endpoint: who, operation: 'GET', organizationId: 'anna' };
      const { row, buckets } = makeHistogram({ timestamp, metricType, ...names }, made(value));
      rows.add('performance_metrics', [row]);
      rows.add('metric_buckets', buckets);
    }
  };
const meanOf = (metricType: PerformanceMetricType) => work(metricType, (ms) => ({ count: 10, ms }));
const requests = meanOf('API_RESPONSE_TIME');
const statements = meanOf('DATABASE_QUERY_TIME');
const errors = work('API_RESPONSE_TIME', (percent) => ({
  count: 1000,
  ms: 20,
  errors: Math.round(percent * 10),
}));
/** `percent` of 1,000 statements take 900 ms. */
const slow: Write = (who, percent) => {
  const many = Math.round(percent * 10);
  work('DATABASE_QUERY_TIME', () => ({ count: many, ms: 900 }))(who, 0);
  work('DATABASE_QUERY_TIME', () => ({ count: 1000 - many, ms: 10 }))(who, 0);
};
const host =
  (metricType: PerformanceMetricType): Write =>
  (service, value) => {
    const rowsOf = TIMES.map((timestamp) => makeGauge({ timestamp, metricType, service, value }));
    rows.add('performance_metrics', rowsOf);
  };
const queue =
  (metricType: PerformanceMetricType): Write =>
  (endpoint, value) => {
    const operation = metricType === 'QUEUE_DEPTH' ? 'waiting' : undefined;
    rows.add(
      'performance_metrics',
      TIMES.map((timestamp) => makeGauge({ timestamp, metricType, endpoint, operation, value })),
    );
  };
let jobs = 0;
const job = (queueName: string, status: string, timestamp: number): QueueMetricRow => ({
  timestamp,
  queueName,
  status,
  jobId: `${jobs}`,
  id: `j${jobs++}`,
  jobType: 'send',
  test: false,
  service: 'worker',
  instance: 'i1',
  organizationId: 'anna',
});
/** Of 200 jobs in the last five minutes, `percent` fail. */
const failures: Write = (queueName, percent) => {
  const all = Array.from({ length: 200 }, (_, i) =>
    job(queueName, i < percent * 2 ? 'failed' : 'completed', NOW - 1000 - i * 1000),
  );
  rows.add('queue_metrics', all);
};
/** A queue of 100 jobs of which so many end a minute that it takes `ms` until it is empty. */
const drain: Write = (queueName, ms) => {
  queue('QUEUE_DEPTH')(queueName, 100);
  const spacingMs = ms / 100;
  const all = Array.from({ length: Math.floor((20 * MINUTE_MS) / spacingMs) }, (_, i) =>
    job(queueName, 'completed', NOW - 1 - Math.floor(i * spacingMs)),
  );
  rows.add('queue_metrics', all);
};
/** A day of a mean of 100 ms, then five minutes of so many times the mean of both. */
const spike: Write = (who, factor) => {
  const names = { metricType: 'API_RESPONSE_TIME', service: who, endpoint: who } as const;
  const usual = { count: 10_000, ms: 100 };
  const made = [
    makeHistogram({ ...names, timestamp: NOW - 12 * HOUR_MS }, usual),
    makeHistogram({ ...names, timestamp: NOW - MINUTE_MS }, { count: 100, ms: 100 * factor }),
  ];
  rows.add(
    'performance_metrics',
    made.map(({ row }) => row),
  );
};
/** Health in so many percent of the minutes of the last day. */
const up: Write = (service, percent) => {
  const minutes = DAY_MS / MINUTE_MS;
  const missing = Math.round(minutes * (1 - percent / 100));
  const health = Array.from({ length: minutes + 30 }, (_, i) => ({
    timestamp: NOW - 30_000 - i * MINUTE_MS,
    id: `up${i}`,
    service,
    instance: `${service}-1`,
  }));
  // Those that are missing lie in the middle: it was there before and is there now.
  rows.add(
    'system_health',
    health.filter((_, i) => i < 700 || i >= 700 + missing),
  );
};

const CASES: readonly Case[] = [
  { rule: 'response-time', severity: 'warning', below: 2000, above: 2020, write: requests },
  { rule: 'response-time', severity: 'critical', below: 4990, above: 5020, write: requests },
  { rule: 'response-time-spike', severity: 'warning', below: 1.4, above: 1.6, write: spike },
  { rule: 'error-rate', severity: 'medium', below: 5, above: 5.2, write: errors },
  { rule: 'error-rate', severity: 'high', below: 9.9, above: 10.1, write: errors },
  { rule: 'error-rate', severity: 'critical', below: 14.9, above: 15.1, write: errors },
  { rule: 'database-time', severity: 'warning', below: 499, above: 501, write: statements },
  { rule: 'database-time', severity: 'critical', below: 1990, above: 2010, write: statements },
  { rule: 'slow-queries', severity: 'warning', below: 19.5, above: 20.5, write: slow },
  ...[50, 100, 200].map((limit, i) => ({
    rule: 'queue-depth',
    severity: ['medium', 'high', 'critical'][i]!,
    by: 'queue' as const,
    below: limit,
    above: limit + 1,
    write: queue('QUEUE_DEPTH'),
  })),
  ...[10, 15, 25].map((limit, i) => ({
    rule: 'job-failure-rate',
    severity: ['medium', 'high', 'critical'][i]!,
    by: 'queue' as const,
    below: limit,
    above: limit + 1,
    write: failures,
  })),
  ...[5, 15, 60].map((minutes, i) => ({
    rule: 'oldest-waiting-job',
    severity: ['warning', 'high', 'critical'][i]!,
    by: 'queue' as const,
    below: minutes * MINUTE_MS,
    above: minutes * MINUTE_MS + 1000,
    write: queue('QUEUE_OLDEST_AGE'),
  })),
  ...[15, 60].map((minutes, i) => ({
    rule: 'time-to-drain',
    severity: ['warning', 'high'][i]!,
    by: 'queue' as const,
    below: 0.9 * minutes * MINUTE_MS,
    above: 1.15 * minutes * MINUTE_MS,
    write: drain,
  })),
  { rule: 'cpu', severity: 'high', below: 80, above: 80.5, write: host('CPU_USAGE') },
  { rule: 'cpu', severity: 'critical', below: 95, above: 95.5, write: host('CPU_USAGE') },
  { rule: 'memory', severity: 'high', below: 85, above: 85.5, write: host('MEMORY_USAGE') },
  { rule: 'memory', severity: 'critical', below: 95, above: 95.5, write: host('MEMORY_USAGE') },
  { rule: 'disk', severity: 'high', below: 90, above: 90.5, write: host('DISK_USAGE') },
  { rule: 'disk', severity: 'critical', below: 98, above: 98.5, write: host('DISK_USAGE') },
  { rule: 'target-response-time', severity: 'warning', below: 499, above: 501, write: requests },
  { rule: 'target-error-rate', severity: 'warning', below: 0.9, above: 1.1, write: errors },
  {
    rule: 'target-queue-processing',
    severity: 'warning',
    below: 1990,
    above: 2010,
    by: 'queue',
    write: meanOf('QUEUE_PROCESSING_TIME'),
  },
  { rule: 'target-uptime', severity: 'warning', below: 99.95, above: 99.8, write: up },
  { rule: 'target-database-time', severity: 'warning', below: 99, above: 101, write: statements },
];

const nameOf = ({ rule, severity }: Case, side: string) =>
  `${rule}-${severity}-${side}`.replaceAll(/[^a-z-]/g, '');

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  store = createQueryClient(questdb);
  for (const each of CASES) {
    each.write(nameOf(each, 'below'), each.below);
    each.write(nameOf(each, 'above'), each.above);
  }
  await rows.flush();
  const evaluator = createEvaluator({ queryClient: store, ...rows });
  const transitions: Transition[] = [];
  // As time goes on, so that `for` passes on the clock of the data.
  for (let ago = 14; ago >= 0; ago--) {
    transitions.push(...(await evaluator.runOnce(NOW - ago * 30_000)));
  }
  seen = transitions;
  expect(evaluator.ruleHealth.all.flatMap(({ error }) => error ?? [])).toEqual([]);
}, 300_000);
afterAll(async () => {
  rows.close();
  await store?.close();
  await questdb.remove();
  rmSync(folder, { recursive: true });
});

const fired = (rule: string, who: string, by = 'service') =>
  seen
    .filter((t) => t.rule === rule && t.state === 'firing')
    .filter((t) => (JSON.parse(t.labels) as Record<string, string>)[by] === who)
    .map(({ severity }) => severity);

it.each(CASES)('$rule: $below is no $severity, $above is one', (each) => {
  expect(fired(each.rule, nameOf(each, 'below'), each.by)).not.toContain(each.severity);
  expect(fired(each.rule, nameOf(each, 'above'), each.by).at(-1)).toBe(each.severity);
});

it.each([
  ['spool-growing', 'warning', 67_108_864],
  ['spool-growing', 'high', 268_435_456],
  ['rows-dropped', 'high', 0],
])(
  '%s: %s begins beyond %d',
  async (rule, severity, limit) => {
    const of = async (figure: number) => {
      const road = () => ({ ...PIPELINE_STATS, spoolBytes: figure, droppedRows: figure });
      const evaluator = createEvaluator({
        queryClient: store,
        add: () => {},
        flush: async () => {},
        pipelineStats: road,
      });
      const told: Transition[] = [];
      for (const seconds of [0, 30, 60, 90, 120, 150]) {
        told.push(...(await evaluator.runOnce(NOW + seconds * 1000)));
      }
      return told
        .filter((t) => t.rule === rule && t.state === 'firing' && t.severity === severity)
        .map(({ value }) => value);
    };
    expect(await of(limit)).toEqual([]);
    expect(await of(limit + 1)).toEqual([limit + 1]);
  },
  120_000,
);

it.each([
  ['warning', 67_108_864],
  ['high', 268_435_456],
])(
  'spool-growing: %s begins beyond %d in any service',
  async (severity, limit) => {
    const whose = (side: string) => ({ service: `spool-${severity}-${side}`, instance: 'i1' });
    const size = { metricType: 'CUSTOM', name: 'perfscope.spool.size', unit: 'By' } as const;
    const point = (side: string, value: number) =>
      makeGauge({ ...size, ...whose(side), value, timestamp: NOW - 1000 });
    rows.add('performance_metrics', [point('below', limit), point('above', limit + 1)]);
    await rows.flush();
    const lost = { add: () => {}, flush: async () => {} };
    const evaluator = createEvaluator({
      queryClient: store,
      ...lost,
      rulesFile: only('spool-growing'),
    });
    const told: Transition[] = [];
    for (const ms of [0, 60_000, 120_000]) told.push(...(await evaluator.runOnce(NOW + ms)));
    const worst = (side: string) =>
      told
        .filter((t) => t.service === whose(side).service && t.state === 'firing')
        .map((t) => t.severity as string);
    expect(worst('below')).not.toContain(severity);
    expect(worst('above')).toEqual([severity]);
  },
  60_000,
);

/** A file that leaves one of the built-in rules. */
function only(rule: string, interval = '30s'): string {
  const others = loadAlertRules(parseSettings({}).settings).rules.filter(
    ({ name }) => name !== rule,
  );
  const lines = others.map(({ name }) => `  - { name: ${name}, enabled: false }`);
  const file = join(folder, `${rule}.yaml`);
  writeFileSync(file, `interval: ${interval}\nrules:\n${lines.join('\n')}\n`);
  return file;
}

/** Evaluates one rule about Perfscope itself, so many ms after the first look. */
function looking(rule: string) {
  const lost = { add: () => {}, flush: async () => {} };
  const evaluator = createEvaluator({ queryClient: store, ...lost, rulesFile: only(rule) });
  return async (ms: number) => {
    const found = await evaluator.runOnce(NOW + ms);
    return found.map(({ labels, state, severity, value }) => [labels, state, severity, value]);
  };
}

const AUDIT = '{"table":"audit_log"}';

it('questdb-suspended: a table that is suspended, until it goes on', async () => {
  const look = looking('questdb-suspended');
  expect(await look(0)).toEqual([]);
  await questdb.sql('ALTER TABLE audit_log SUSPEND WAL');
  try {
    expect(await look(30_000)).toEqual([[AUDIT, 'firing', 'critical', 1]]);
    expect(await look(60_000)).toEqual([]);
  } finally {
    await questdb.sql('ALTER TABLE audit_log RESUME WAL');
  }
  expect(await look(90_000)).toEqual([[AUDIT, 'resolved', 'critical', 0]]);
}, 60_000);

it('rollup-invalid: a roll-up that is not refreshed any more, for a minute', async () => {
  const look = looking('rollup-invalid');
  expect(await look(0)).toEqual([]);
  await questdb.sql('UPDATE queue_metrics SET property_id = NULL');
  await waitFor(async () => {
    const invalid = await questdb.sql(
      "SELECT view_name FROM materialized_views() WHERE view_status = 'invalid'",
    );
    return invalid.length === 2;
  });
  const found = ['queue_metrics_1h', 'queue_metrics_1m'].map((table) => JSON.stringify({ table }));
  const told = async (ms: number) => (await look(ms)).toSorted();
  expect(await told(30_000)).toEqual(found.map((labels) => [labels, 'pending', 'high', 1]));
  expect(await told(90_000)).toEqual(found.map((labels) => [labels, 'firing', 'high', 1]));
}, 60_000);

it('questdb-lagging: behind for more than 30 s, or 5 min, for a minute', async () => {
  const look = looking('questdb-lagging');
  await questdb.sql('ALTER TABLE audit_log SUSPEND WAL');
  try {
    // Suspended, but nothing was written that could not be read.
    expect(await look(-1000)).toEqual([]);
    await questdb.sql("INSERT INTO audit_log (timestamp, id, seq) VALUES (now(), 'late', 1)");
    expect(await look(0)).toEqual([]);
    expect(await look(30_000)).toEqual([]);
    expect(await look(30_001)).toEqual([[AUDIT, 'pending', 'warning', 30_001]]);
    expect(await look(90_000)).toEqual([]);
    expect(await look(90_001)).toEqual([[AUDIT, 'firing', 'warning', 90_001]]);
    for (const ms of [180_000, 270_000, 300_000, 300_001, 360_000]) {
      expect(await look(ms)).toEqual([]);
    }
    expect(await look(360_001)).toEqual([[AUDIT, 'firing', 'high', 360_001]]);
  } finally {
    await questdb.sql('ALTER TABLE audit_log RESUME WAL');
  }
  await waitFor(async () => {
    const behind = await questdb.sql(
      "SELECT name FROM wal_tables() WHERE name = 'audit_log' AND writerTxn < sequencerTxn",
    );
    return behind.length === 0;
  });
  expect(await look(390_000)).toEqual([[AUDIT, 'resolved', 'high', 0]]);
}, 60_000);

it('late-evaluations: a round that comes more than an interval late', async () => {
  let aheadMs = 0;
  const told: unknown[] = [];
  const evaluator = createEvaluator({
    queryClient: store,
    flush: async () => {},
    rulesFile: only('late-evaluations', '10s'),
    add: (_table, rows) => told.push(...rows),
    now: () => Date.now() + aheadMs,
  });
  const nextRound = async () => {
    const lastMs = evaluator.heartbeat.lastRoundMs;
    await waitFor(async () => evaluator.heartbeat.lastRoundMs !== lastMs);
  };
  evaluator.start();
  try {
    await nextRound();
    aheadMs += 8000;
    await nextRound();
    expect(evaluator.lateEvaluationCount).toBe(0);
    await nextRound();
    expect(told).toEqual([]);
    aheadMs += 10_001;
    await nextRound();
    await nextRound();
    expect(evaluator.lateEvaluationCount).toBe(1);
    const firing = { rule: 'late-evaluations', state: 'firing', severity: 'warning', value: 1 };
    expect(told).toMatchObject([firing]);
  } finally {
    await evaluator.stop();
  }
}, 120_000);
