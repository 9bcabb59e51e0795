import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseSettings } from '../../../../src/core/config/parse-settings.ts';
import { getExternalQuestdbTargets } from '../../../../src/core/config/questdb-targets.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { BUCKET_RATIO } from '../../../../src/core/histogram/bucket-scale.ts';
import {
  createOrganizationScope,
  narrowScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../../../src/core/tenant-scope.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { HOSTS_TABLE } from '../../../../src/storage/queries/aggregation-tables.ts';
import { queryGauges } from '../../../../src/storage/queries/gauge-values.ts';
import { toHostAggregations } from '../../../../src/storage/queries/host-health.ts';
import { queryJobTotals } from '../../../../src/storage/queries/job-totals.ts';
import { queryDistributionTotals } from '../../../../src/storage/queries/operation-totals.ts';
import {
  BUCKET_COLUMNS,
  type Dimension,
  type Query,
} from '../../../../src/storage/queries/query-definition.ts';
import {
  queryQueueStats,
  queryQueueUsageByTenant,
} from '../../../../src/storage/queries/queue-stats.ts';
import { runQuery } from '../../../../src/storage/queries/run-query.ts';
import { floorTo } from '../../../../src/storage/queries/time-range.ts';
import { computeUptime, queryUptime } from '../../../../src/storage/queries/uptime.ts';
import {
  type QueryClient,
  QuestdbQueryClient,
} from '../../../../src/storage/questdb/query-client.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { insertRows } from '../../../support/insert-rows.ts';
import { makeRandomRows, type RandomPoint } from '../../../support/random-rows.ts';
import {
  computeExactPercentile,
  groupRows,
  sumBy,
} from '../../../support/reference-aggregation.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

const LENGTH_MS = 2.5 * DAY_MS;
const END_MS = floorTo(Date.now(), HOUR_MS) - 2 * HOUR_MS;
const START_MS = END_MS - LENGTH_MS;
const RESPONSE_TIME_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;
const RUNS = { numRuns: 60 };
const BUCKET_DIMENSIONS = Object.keys(BUCKET_COLUMNS) as Dimension[];

const questdb = new ExternalQuestdb({ isShared: true });
const sample = makeRandomRows(7, START_MS, LENGTH_MS, 1500);
let rollupClient: QuestdbQueryClient;
/** Reads the same data without roll-ups. */
let rowsOnlyClient: QueryClient;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  await insertRows(questdb, 'performance_metrics', [
    ...sample.points.map(({ row }) => row),
    ...sample.gauges,
  ]);
  await insertRows(
    questdb,
    'metric_buckets',
    sample.points.flatMap(({ buckets }) => buckets),
  );
  await insertRows(questdb, 'queue_metrics', sample.jobs);
  await insertRows(questdb, 'system_health', sample.health);
  await waitForRollups(questdb);
  rollupClient = new QuestdbQueryClient(
    getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read,
  );
  rowsOnlyClient = {
    read: rollupClient.read,
    getCatalog: async () =>
      new Map(
        [...(await rollupClient.getCatalog())].map(([name, stored]) => [name, stored.slice(0, 1)]),
      ),
  };
});
afterAll(async () => {
  await rollupClient?.close();
  await questdb.remove();
});

const moment = fc.integer({ min: -HOUR_MS, max: LENGTH_MS + HOUR_MS }).map((ms) => START_MS + ms);
const range = fc
  .tuple(moment, moment)
  .filter(([a, b]) => Math.abs(a - b) > MINUTE_MS)
  .map(([a, b]) => ({ fromMs: Math.min(a, b), toMs: Math.max(a, b) }));
const scope: fc.Arbitrary<TenantScope> = fc.constantFrom(
  UNRESTRICTED_SCOPE,
  createOrganizationScope('anna'),
  createOrganizationScope('bert', ['north']),
  narrowScope(UNRESTRICTED_SCOPE, { propertyId: 'south' }),
);
const step = fc.constantFrom(
  undefined,
  { ms: MINUTE_MS, zone: 'utc' },
  { ms: HOUR_MS, zone: 'Europe/Berlin' },
  { ms: DAY_MS, zone: 'Europe/Berlin' },
  { ms: DAY_MS, zone: 'Asia/Kolkata' },
);
const queries = (dimensions: readonly Dimension[]): fc.Arbitrary<Query> =>
  fc.record({
    range,
    scope,
    step,
    includeTest: fc.boolean(),
    groupBy: fc.subarray([...dimensions], { maxLength: Math.min(4, dimensions.length) }),
    filter: fc.constantFrom(
      {},
      { service: ['shop'] },
      { service: ['shop', 'mail'], version: ['1.1'] },
    ),
  });

const requestDimensions = ({ row }: RandomPoint) => ({
  name: row.name,
  endpoint: row.endpoint,
  operation: row.operation,
  queue: row.endpoint,
  queueScope: row.queueScope,
});
const close = (value: number) => expect.closeTo(value, 6);

describe.each(['roll-ups', 'rows'])('results from %s equal the reference', (source) => {
  const getClient = () => (source === 'roll-ups' ? rollupClient : rowsOnlyClient);

  it('for counts, rates, averages, errors, percentiles, Apdex, and slow shares', async () => {
    await fc.assert(
      fc.asyncProperty(queries(BUCKET_DIMENSIONS), async (query) => {
        const expected = groupRows(sample.points, query, ({ row }) => row, requestDimensions);
        const results = await queryDistributionTotals(getClient(), query, RESPONSE_TIME_METRIC);
        const found = indexByGroup(results);
        expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [key, points] of expected) {
          const result = found.get(key)!;
          const values = points.flatMap((point) => point.values);
          const times = values.map(({ ms }) => ms);
          const failed = values.filter((value) => value.failed).length;
          const { fromMs, toMs } = result.bucket ?? query.range;
          expect(result).toMatchObject({
            count: values.length,
            errorCount: failed,
            errorRate: close((100 * failed) / values.length),
            average: close(sumBy(times, (ms) => ms) / times.length),
            rate: close((1000 * values.length) / (toMs - fromMs)),
            min: close(Math.min(...times)),
            max: close(Math.max(...times)),
          });
          for (const [name, q] of PERCENTILES) {
            const exact = computeExactPercentile(times, q);
            expect(result[name]! / exact).toBeLessThan(BUCKET_RATIO + 1e-9);
            expect(result[name]! / exact).toBeGreaterThan(1 / BUCKET_RATIO - 1e-9);
          }
          // The target is the bound of a bucket, so nothing is interpolated.
          const countBelow = (limit: number) =>
            values.filter((v) => !v.failed && v.ms <= limit).length;
          const satisfied = countBelow(125);
          const apdex = (satisfied + (countBelow(500) - satisfied) / 2) / values.length;
          expect(result.distribution.computeApdex(125)).toBeCloseTo(apdex, 9);
          const slow = times.filter((ms) => ms > 500).length / times.length;
          expect(result.distribution.computeShareAbove(500)).toBeCloseTo(slow, 9);
        }
      }),
      RUNS,
    );
  });

  it('for gauges', async () => {
    await fc.assert(
      fc.asyncProperty(queries(['queue', 'operation', 'service', 'instance']), async (query) => {
        const expected = groupRows(
          sample.gauges,
          query,
          (row) => row,
          (row) => ({
            queue: row.endpoint,
            operation: row.operation,
          }),
        );
        const results = await queryGauges(getClient(), query, { metricType: 'QUEUE_DEPTH' });
        const found = indexByGroup(results);
        expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [key, rows] of expected) {
          const values = rows.map(({ value }) => value!);
          const latest = rows.toSorted((a, b) => b.timestamp - a.timestamp)[0]!.value;
          expect(found.get(key)).toMatchObject({
            samples: rows.length,
            last: latest,
            average: close(sumBy(values, (value) => value) / values.length),
            min: Math.min(...values),
            max: Math.max(...values),
          });
        }
      }),
      RUNS,
    );
  });

  it('for jobs', async () => {
    await fc.assert(
      fc.asyncProperty(queries(['queue', 'operation', 'organization']), async (query) => {
        const expected = groupRows(
          sample.jobs,
          query,
          (row) => row,
          (row) => ({
            queue: row.queueName,
            operation: row.jobType,
          }),
        );
        const found = indexByGroup(await queryJobTotals(getClient(), query));
        expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [key, rows] of expected) {
          const inState = (status: string) => rows.filter((row) => row.status === status);
          const ended = [...inState('completed'), ...inState('failed')];
          const [processing, waiting] = [
            sumBy(ended, (r) => r.duration),
            sumBy(ended, (r) => r.waitTime),
          ];
          expect(found.get(key)).toMatchObject({
            arrived: inState('waiting').length,
            stalled: inState('stalled').length,
            completed: inState('completed').length,
            failed: inState('failed').length,
            processing: close(processing),
            waiting: close(waiting),
          });
          const average = ended.length > 0 ? close(processing / ended.length) : undefined;
          expect(found.get(key)?.averageProcessing).toEqual(average);
        }
      }),
      RUNS,
    );
  });

  it('for hosts', async () => {
    const metrics = fc.constantFrom('cpuUsage', 'memoryUsage', 'avgResponseTime');
    await fc.assert(
      fc.asyncProperty(
        queries(['service', 'instance', 'version']),
        metrics,
        async (scopedQuery, metric) => {
          const query = { ...scopedQuery, scope: UNRESTRICTED_SCOPE };
          const expected = groupRows(
            sample.health,
            query,
            (row) => row,
            () => ({}),
          );
          const aggregations = toHostAggregations(metric);
          const found = indexByGroup(
            await runQuery(getClient(), HOSTS_TABLE, query, { aggregations }),
          );
          for (const [key, rows] of expected) {
            const values = rows.flatMap((row) => row[metric] ?? []);
            const row = found.get(key)?.row;
            expect(Number(row?.samples ?? 0)).toBe(values.length);
            if (values.length === 0) continue;
            expect(Number(row?.total)).toBeCloseTo(
              sumBy(values, (value) => value),
              6,
            );
            expect(Number(row?.maximum)).toBeCloseTo(Math.max(...values), 6);
          }
        },
      ),
      RUNS,
    );
  });
});

const PERCENTILES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p999', 0.999],
] as const;

/** Indexes results by group and start of the time bucket. */
function indexByGroup<T extends { group: object; bucket?: { fromMs: number } | undefined }>(
  results: readonly T[],
): Map<string, T> {
  return new Map(results.map((r) => [JSON.stringify([r.group, r.bucket?.fromMs]), r]));
}

const all: Query = { scope: UNRESTRICTED_SCOPE, range: { fromMs: START_MS, toMs: END_MS } };

it('a tenant sees neither host data nor the data of other tenants', async () => {
  const annaQuery: Query = { ...all, scope: createOrganizationScope('anna') };
  const aggregations = toHostAggregations('cpuUsage');
  expect(await runQuery(rollupClient, HOSTS_TABLE, annaQuery, { aggregations })).toEqual([]);
  const ownTotals = await queryDistributionTotals(
    rollupClient,
    { ...annaQuery, groupBy: ['organization'] },
    RESPONSE_TIME_METRIC,
  );
  expect(ownTotals.map(({ group }) => group.organization)).toEqual(['anna']);
  const foreignQuery = {
    ...all,
    scope: narrowScope(createOrganizationScope('anna'), { organizationId: 'bert' }),
  };
  expect(await queryDistributionTotals(rollupClient, foreignQuery, RESPONSE_TIME_METRIC)).toEqual(
    [],
  );
  expect(await queryJobTotals(rollupClient, foreignQuery)).toEqual([]);
});

it("computes the time to drain a queue and each tenant's share", async () => {
  const queueStats = await queryQueueStats(rollupClient, all);
  expect(queueStats.map(({ queue }) => queue)).toEqual(['emails', 'invoices']);
  for (const { queue, depth, arrivalRate, completionRate, timeToDrain } of queueStats) {
    const jobs = sample.jobs.filter(({ queueName }) => queueName === queue);
    const inStates = (...states: string[]) => jobs.filter((j) => states.includes(j.status!)).length;
    const seconds = LENGTH_MS / 1000;
    expect(arrivalRate).toBeCloseTo(inStates('waiting') / seconds, 9);
    expect(completionRate).toBeCloseTo(inStates('completed', 'failed') / seconds, 9);
    expect(timeToDrain).toBeCloseTo((1000 * depth!) / (completionRate - arrivalRate), 3);
  }
  const usage = await queryQueueUsageByTenant(rollupClient, all);
  const emailUsage = usage.filter(({ queue }) => queue === 'emails');
  expect(sumBy(emailUsage, (tenant) => tenant.processingShare!)).toBeCloseTo(100, 6);
  const annaUsage = emailUsage.filter(({ organizationId }) => organizationId === 'anna');
  const jobs = sample.jobs.filter(({ queueName }) => queueName === 'emails');
  const annaJobs = jobs.filter(({ organizationId }) => organizationId === 'anna');
  const expected = (100 * sumBy(annaJobs, (j) => j.duration)) / sumBy(jobs, (j) => j.duration);
  expect(sumBy(annaUsage, (tenant) => tenant.processingShare)).toBeCloseTo(expected, 6);
});

it.each([[['service']], [['service', 'instance']], [[]]] as const)(
  'uptime grouped by %s uses the intervals in which the group reported data',
  async (groupBy) => {
    const { fromMs, toMs } = { fromMs: END_MS - DAY_MS, toMs: END_MS };
    const day = { ...all, range: { fromMs, toMs }, groupBy };
    const health = sample.health.filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs);
    const uptimes = await queryUptime(rollupClient, day, HOUR_MS);
    expect(uptimes.length).toBeGreaterThan(0);
    for (const { group, uptime, reported, intervals } of uptimes) {
      const rows = health.filter((row) => groupBy.every((name) => row[name] === group[name]));
      const hours = new Set(rows.map(({ timestamp }) => floorTo(timestamp, HOUR_MS)));
      expect({ reported, intervals }).toEqual({ reported: hours.size, intervals: 24 });
      const reports = { reportedMs: [...hours], stoppedMs: [], wasRunning: true };
      expect(uptime).toBeCloseTo(computeUptime(reports, day.range, HOUR_MS).uptime!, 9);
    }
  },
);
