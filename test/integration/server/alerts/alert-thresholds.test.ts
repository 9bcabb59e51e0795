import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toCoverageRows } from '../../../../src/agent/library-coverage/coverage-rows.ts';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
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
import { suspendTable } from '../../../support/suspend-table.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** End of the written data. Each case has a row every 30 s until then. */
const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - MINUTE_MS;
const STEP_MS = 30_000;

const questdb = new ExternalQuestdb({ isShared: true });
const folder = mkdtempSync(join(tmpdir(), 'perfscope-rules-'));
const rows = new TestRowWriter(questdb);
let queryClient: QuestdbQueryClient;
let transitions: readonly Transition[];

/** Writes rows that give the service or queue `name` the value `value`. */
type Write = (name: string, value: number) => void;

interface Case {
  rule: string;
  severity: string;
  /** A value that doesn't cause an alert of this severity. */
  below: number;
  /** A value that causes an alert of this severity. */
  above: number;
  write: Write;
  /** Label that contains the name (default: `service`). */
  by?: 'service' | 'queue' | 'host';
}

/** Times of the last 20 minutes, so that alerts with a long `for` fire too. */
const TIMES = Array.from({ length: 40 }, (_, i) => NOW - (39 - i) * STEP_MS - 1000);

const writeHistograms =
  (
    metricType: PerformanceMetricType,
    toValues: (value: number) => Parameters<typeof makeHistogram>[1],
  ): Write =>
  (name, value) => {
    for (const timestamp of TIMES) {
      const fields = { service: name, endpoint: name, operation: 'GET', organizationId: 'anna' };
      const { row, buckets } = makeHistogram({ timestamp, metricType, ...fields }, toValues(value));
      rows.add('performance_metrics', [row]);
      rows.add('metric_buckets', buckets);
    }
  };
const writeMean = (metricType: PerformanceMetricType) =>
  writeHistograms(metricType, (ms) => ({ count: 10, ms }));
const requests = writeMean('API_RESPONSE_TIME');
const statements = writeMean('DATABASE_QUERY_TIME');
const errors = writeHistograms('API_RESPONSE_TIME', (percent) => ({
  count: 100_000,
  ms: 20,
  errors: Math.round(percent * 1000),
}));
/** Writes 100,000 statements. `percent` of them take 900 ms. */
const slow: Write = (name, percent) => {
  const count = Math.round(percent * 1000);
  writeHistograms('DATABASE_QUERY_TIME', () => ({ count, ms: 900 }))(name, 0);
  writeHistograms('DATABASE_QUERY_TIME', () => ({ count: 100_000 - count, ms: 10 }))(name, 0);
};
const host =
  (metricType: PerformanceMetricType): Write =>
  (name, value) => {
    const gauges = TIMES.map((timestamp) =>
      makeGauge({ timestamp, metricType, host: name, service: 'any', value }),
    );
    rows.add('performance_metrics', gauges);
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
/** Writes 1,000 jobs in the last five minutes. `percent` of them failed. */
const failures: Write = (queueName, percent) => {
  const all = Array.from({ length: 1000 }, (_, i) =>
    job(queueName, i < percent * 10 ? 'failed' : 'completed', NOW - 1000 - i * 250),
  );
  rows.add('queue_metrics', all);
};
/** Writes histograms of messages, as services without rows for single jobs do. `percent` of them failed. */
const writeFailedMessages = writeHistograms('QUEUE_PROCESSING_TIME', (percent) => ({
  count: 100,
  ms: 20,
  errors: percent,
}));
/** Writes a queue of 100 jobs, with a completion rate that clears the queue in `ms`. */
const drain: Write = (queueName, ms) => {
  queue('QUEUE_DEPTH')(queueName, 100);
  const jobIntervalMs = ms / 100;
  const all = Array.from({ length: Math.floor((20 * MINUTE_MS) / jobIntervalMs) }, (_, i) =>
    job(queueName, 'completed', NOW - 1 - Math.floor(i * jobIntervalMs)),
  );
  rows.add('queue_metrics', all);
};
/** Writes a mean of 100 ms for the baseline, which is almost a day old, and `factor` times that mean for the window. */
const spike: Write = (name, factor) => {
  const fields = { metricType: 'API_RESPONSE_TIME', service: name, endpoint: name } as const;
  const timestamp = NOW - 23.5 * HOUR_MS;
  const histograms = [
    makeHistogram({ ...fields, timestamp }, { count: 10_000, ms: 100 }),
    ...TIMES.map((time) =>
      makeHistogram({ ...fields, timestamp: time }, { count: 20, ms: 100 * factor }),
    ),
  ];
  rows.add(
    'performance_metrics',
    histograms.map(({ row }) => row),
  );
};
/** Writes 100 requests per minute, and `factor` times as many in the last seven minutes. */
const surge: Write = (name, factor) => {
  const fields = { metricType: 'API_RESPONSE_TIME', service: name, endpoint: name } as const;
  for (let minute = 90; minute > 0; minute--) {
    const count = minute <= 8 ? Math.round(100 * factor) : 100;
    const timestamp = NOW - minute * MINUTE_MS + 1000;
    rows.add('performance_metrics', [
      makeHistogram({ ...fields, timestamp }, { count, ms: 5 }).row,
    ]);
  }
};
/** Writes a process that runs now, and `count` processes that crashed before. */
const crash: Write = (service, count) => {
  const write = (i: number, minute: number) => {
    const resource = { service, instance: `${service}-${i}` };
    const timestamp = NOW - minute * MINUTE_MS;
    rows.add('system_health', [
      { ...resource, timestamp, id: `crash${minute}`, status: 'healthy' },
    ]);
    const coverage = [{ name: 'pg', version: '8.1.0', measured: true, reason: undefined }];
    rows.add(
      'performance_metrics',
      toCoverageRows(coverage, resource, () => `${service}-${i}`, timestamp + 1),
    );
  };
  for (let i = 1; i <= count; i++) write(i, 12 + i);
  for (let minute = 12; minute >= 0; minute--) write(0, minute);
};
/** Writes health rows for `percent` of the minutes of the last day. */
const up: Write = (service, percent) => {
  const minutes = DAY_MS / MINUTE_MS;
  const missing = Math.round(minutes * (1 - percent / 100));
  const health = Array.from({ length: minutes + 30 }, (_, i) => ({
    timestamp: NOW - 30_000 - i * MINUTE_MS,
    id: `up${i}`,
    service,
    instance: `${service}-1`,
  }));
  // The missing rows are in the middle, so that the service runs at the start and the end.
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
    above: limit + 4,
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
  { rule: 'cpu', severity: 'high', by: 'host', below: 80, above: 80.5, write: host('CPU_USAGE') },
  {
    rule: 'cpu',
    severity: 'critical',
    by: 'host',
    below: 95,
    above: 95.5,
    write: host('CPU_USAGE'),
  },
  {
    rule: 'memory',
    severity: 'high',
    by: 'host',
    below: 85,
    above: 85.5,
    write: host('MEMORY_USAGE'),
  },
  {
    rule: 'memory',
    severity: 'critical',
    by: 'host',
    below: 95,
    above: 95.5,
    write: host('MEMORY_USAGE'),
  },
  { rule: 'disk', severity: 'high', by: 'host', below: 90, above: 90.5, write: host('DISK_USAGE') },
  {
    rule: 'disk',
    severity: 'critical',
    by: 'host',
    below: 98,
    above: 98.5,
    write: host('DISK_USAGE'),
  },
  { rule: 'request-rate-surge', severity: 'warning', below: 3.9, above: 4.1, write: surge },
  { rule: 'crash-loop', severity: 'high', below: 4, above: 5, write: crash },
];

const getName = ({ rule, severity }: Case, side: string) =>
  `${rule}-${severity}-${side}`.replaceAll(/[^a-z-]/g, '');

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);
  for (const each of CASES) {
    each.write(getName(each, 'below'), each.below);
    each.write(getName(each, 'above'), each.above);
  }
  writeFailedMessages('messages', 20);
  // Time in which no service reports isn't downtime.
  up('perfscope', 100);
  await rows.flush();
  const evaluator = createEvaluator({ queryClient, ...rows });
  const found: Transition[] = [];
  // Evaluates at increasing times, because `for` uses the time of the data.
  for (let ago = 14; ago >= 0; ago--) {
    found.push(...(await evaluator.runOnce(NOW - ago * 30_000)));
  }
  transitions = found;
  expect(evaluator.ruleHealth.all.flatMap(({ error }) => error ?? [])).toEqual([]);
});
afterAll(async () => {
  rows.close();
  await queryClient?.close();
  await questdb.remove();
  rmSync(folder, { recursive: true });
});

const getFiredSeverities = (rule: string, name: string, by = 'service') =>
  transitions
    .filter((t) => t.rule === rule && t.state === 'firing')
    .filter((t) => (JSON.parse(t.labels) as Record<string, string>)[by] === name)
    .map(({ severity }) => severity);

it.each(CASES)('$rule: $above is $severity, and $below is not', (each) => {
  expect(getFiredSeverities(each.rule, getName(each, 'below'), each.by)).not.toContain(
    each.severity,
  );
  expect(getFiredSeverities(each.rule, getName(each, 'above'), each.by).at(-1)).toBe(each.severity);
});

it('job-failure-rate: fires for messages that are known only from histograms', () => {
  expect(getFiredSeverities('job-failure-rate', 'messages', 'queue').at(-1)).toBe('high');
});

it.each([
  ['spool-growing', 'warning', 67_108_864],
  ['spool-growing', 'high', 268_435_456],
  ['spool-lagging', 'warning', 120_000],
  ['spool-lagging', 'high', 900_000],
  ['dead-letters', 'warning', 0],
  ['rows-dropped', 'high', 0],
])('%s: %s starts above %d', async (rule, severity, limit) => {
  const getFiredValues = async (value: number) => {
    const evaluator = createEvaluator({
      queryClient,
      add: () => {},
      flush: async () => {},
      pipelineStats: () => ({
        ...PIPELINE_STATS,
        spoolBytes: value,
        spoolLagMs: value,
        deadLetterRows: value,
        droppedRows: value,
      }),
    });
    const found: Transition[] = [];
    for (const seconds of [0, 30, 60, 90, 120, 150]) {
      found.push(...(await evaluator.runOnce(NOW + seconds * 1000)));
    }
    return found
      .filter((t) => t.rule === rule && t.state === 'firing' && t.severity === severity)
      .map(({ value }) => value);
  };
  expect(await getFiredValues(limit)).toEqual([]);
  expect(await getFiredValues(limit + 1)).toEqual([limit + 1]);
});

it.each([
  ['spool-growing', 'perfscope.spool.size', 'By', 'warning', 67_108_864],
  ['spool-growing', 'perfscope.spool.size', 'By', 'high', 268_435_456],
  ['spool-lagging', 'perfscope.spool.lag', 'ms', 'warning', 120_000],
  ['dead-letters', 'perfscope.spool.dead_letters', '{row}', 'warning', 0],
])(
  '%s: a value of %s in %s is %s above %d in any service',
  async (rule, name, unit, severity, limit) => {
    const getResource = (side: string) => ({
      service: `${rule}-${severity}-${side}`,
      instance: 'i1',
    });
    const size = { metricType: 'CUSTOM', name, unit } as const;
    const point = (side: string, value: number) =>
      makeGauge({ ...size, ...getResource(side), value, timestamp: NOW - 1000 });
    rows.add('performance_metrics', [point('below', limit), point('above', limit + 1)]);
    await rows.flush();
    const evaluator = createEvaluator({
      queryClient,
      ...DISCARD_ROWS,
      rulesFile: writeSingleRuleFile(rule),
    });
    const found: Transition[] = [];
    for (const ms of [0, 60_000, 120_000]) found.push(...(await evaluator.runOnce(NOW + ms)));
    const getSeverities = (side: string) =>
      found
        .filter((t) => t.service === getResource(side).service && t.state === 'firing')
        .map((t) => t.severity as string);
    expect(getSeverities('below')).not.toContain(severity);
    expect(getSeverities('above')).toEqual([severity]);
  },
);

const DISCARD_ROWS = { add: () => {}, flush: async () => {} };

/** Writes a rules file that disables all built-in rules except one. */
function writeSingleRuleFile(rule: string, interval = '30s'): string {
  const others = loadAlertRules(parseSettings({}).settings).rules.filter(
    ({ name }) => name !== rule,
  );
  const lines = others.map(({ name }) => `  - { name: ${name}, enabled: false }`);
  const file = join(folder, `${rule}.yaml`);
  writeFileSync(file, `interval: ${interval}\nrules:\n${lines.join('\n')}\n`);
  return file;
}

/** Returns a function that evaluates one rule at `ms` after `NOW`. */
function createRuleRunner(rule: string) {
  const rulesFile = writeSingleRuleFile(rule);
  const evaluator = createEvaluator({ queryClient, ...DISCARD_ROWS, rulesFile });
  return async (ms: number) => {
    const found = await evaluator.runOnce(NOW + ms);
    return found.map(({ labels, state, severity, value }) => [labels, state, severity, value]);
  };
}

const AUDIT = '{"table":"audit_log"}';

it('questdb-suspended fires until the table is resumed', async () => {
  const runAt = createRuleRunner('questdb-suspended');
  expect(await runAt(0)).toEqual([]);
  await suspendTable(questdb, 'audit_log');
  try {
    expect(await runAt(30_000)).toEqual([[AUDIT, 'firing', 'critical', 1]]);
    expect(await runAt(60_000)).toEqual([]);
  } finally {
    await questdb.sql('ALTER TABLE audit_log RESUME WAL');
  }
  expect(await runAt(90_000)).toEqual([[AUDIT, 'resolved', 'critical', 0]]);
});

it('rollup-invalid fires when a roll-up has been invalid for a minute', async () => {
  const runAt = createRuleRunner('rollup-invalid');
  expect(await runAt(0)).toEqual([]);
  await questdb.sql('UPDATE queue_metrics SET property_id = NULL');
  await waitFor(async () => {
    const invalid = await questdb.sql(
      "SELECT view_name FROM materialized_views() WHERE view_status = 'invalid'",
    );
    return invalid.length === 2;
  });
  const found = ['queue_metrics_1h_v2', 'queue_metrics_1m_v2'].map((table) =>
    JSON.stringify({ table }),
  );
  const runSorted = async (ms: number) => (await runAt(ms)).toSorted();
  expect(await runSorted(30_000)).toEqual(found.map((labels) => [labels, 'pending', 'high', 1]));
  expect(await runSorted(90_000)).toEqual(found.map((labels) => [labels, 'firing', 'high', 1]));
});

it('questdb-lagging has severity warning for a lag over 30 s, and high for a lag over 5 min', async () => {
  const runAt = createRuleRunner('questdb-lagging');
  await suspendTable(questdb, 'audit_log');
  try {
    // The table is suspended, but it has no unreadable rows.
    expect(await runAt(-1000)).toEqual([]);
    await questdb.sql("INSERT INTO audit_log (timestamp, id, seq) VALUES (now(), 'late', 1)");
    expect(await runAt(0)).toEqual([]);
    expect(await runAt(30_000)).toEqual([]);
    expect(await runAt(30_001)).toEqual([[AUDIT, 'pending', 'warning', 30_001]]);
    expect(await runAt(90_000)).toEqual([]);
    expect(await runAt(90_001)).toEqual([[AUDIT, 'firing', 'warning', 90_001]]);
    for (const ms of [180_000, 270_000, 300_000, 300_001, 360_000]) {
      expect(await runAt(ms)).toEqual([]);
    }
    expect(await runAt(360_001)).toEqual([[AUDIT, 'firing', 'high', 360_001]]);
  } finally {
    await questdb.sql('ALTER TABLE audit_log RESUME WAL');
  }
  await waitFor(async () => {
    const behind = await questdb.sql(
      "SELECT name FROM wal_tables() WHERE name = 'audit_log' AND writerTxn < sequencerTxn",
    );
    return behind.length === 0;
  });
  expect(await runAt(390_000)).toEqual([[AUDIT, 'resolved', 'high', 0]]);
});

it('late-evaluations fires when an evaluation round is more than one interval late', async () => {
  let aheadMs = 0;
  const stored: unknown[] = [];
  const evaluator = createEvaluator({
    queryClient,
    flush: async () => {},
    rulesFile: writeSingleRuleFile('late-evaluations', '10s'),
    // Objectives and incidents are stored in other tables.
    add: (table, rows) => void (table === 'alerts' && stored.push(...rows)),
    now: () => Date.now() + aheadMs,
  });
  const nextRound = async () => {
    const lastMs = evaluator.heartbeat.lastRoundMs;
    await waitFor(async () => evaluator.heartbeat.lastRoundMs !== lastMs);
  };
  evaluator.start();
  try {
    await nextRound();
    aheadMs += 3000;
    await nextRound();
    expect(evaluator.lateEvaluationCount).toBe(0);
    await nextRound();
    expect(stored).toEqual([]);
    aheadMs += 10_001;
    await nextRound();
    await nextRound();
    expect(evaluator.lateEvaluationCount).toBe(1);
    const firing = { rule: 'late-evaluations', state: 'firing', severity: 'warning', value: 1 };
    expect(stored).toMatchObject([firing]);
  } finally {
    await evaluator.stop();
  }
});
